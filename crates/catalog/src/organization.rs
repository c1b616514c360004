//! The organisation: there is one per data folder.

use outcrop_storage::env::Environment;
use serde::{Deserialize, Serialize};

use crate::random;

/// The one organisation of a data folder, made at its first start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// UUID.
    pub id: String,
    /// 64 hex digits, which integrations with other clouds quote.
    pub external_id: String,
    /// UUID of the one cluster.
    pub cluster_id: String,
    /// UUID of the virtual instance that ingests and answers queries.
    pub main_virtual_instance_id: String,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
}

impl Organization {
    /// A new organisation with random ids.
    pub(crate) fn generate(environment: &Environment) -> Self {
        let random = environment.random.as_ref();
        Self {
            id: random::uuid(random),
            external_id: random::hex_digits(random, 32),
            cluster_id: random::uuid(random),
            main_virtual_instance_id: random::uuid(random),
            created_at_micros: environment.clock.now_micros(),
        }
    }
}
