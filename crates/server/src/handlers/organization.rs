//! `GET /` and `GET /v1/orgs/self`.

use axum::response::Response;
use outcrop_api::organization::{Cluster, Organization};
use outcrop_api::{Data, GREETING, Greeting};

use crate::app::App;
use crate::call::{self, Call};
use crate::error::ApiResult;
use crate::ids;

/// `GET /`: tells that a server is here.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn greet(_call: Call) -> ApiResult<Response> {
    call::json(&Greeting {
        message: GREETING.to_owned(),
    })
}

/// `GET /v1/orgs/self`.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let data = shown(&call.app);
    call::json(&Data { data })
}

/// The organisation as clients see it.
pub(super) fn shown(app: &App) -> Organization {
    let organization = app.catalog.organization();
    let cluster = Cluster {
        id: organization.cluster_id,
        cluster_type: "PUBLIC".to_owned(),
        aws_region: Some("local".to_owned()),
        domain: Some("local".to_owned()),
        top_level_domain: Some(String::new()),
        apiserver_url: Some(format!("http://{}", app.http_addr)),
    };
    Organization {
        id: organization.id,
        created_at: ids::metadata_time(organization.created_at_micros),
        display_name: Some("Outcrop".to_owned()),
        external_id: Some(organization.external_id),
        // An ARN of the form that Terraform's data source takes apart; the account is nobody's.
        rockset_user: Some("arn:aws:iam::000000000000:user/rockset".to_owned()),
        clusters: vec![cluster],
    }
}
