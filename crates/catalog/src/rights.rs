//! What a caller may do.
//!
//! A user may do what any of their roles allows. A key may do what its owner may, and only as far as its own
//! role allows it too. Who has rights can give away no more than those: see [`Rights::cover`].

use crate::privilege::{ALL, Action, Privilege};
use crate::role::BuiltInRole;

/// What one role allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    BuiltIn(BuiltInRole),
    Custom(Vec<Privilege>),
}

impl Grant {
    fn allows(&self, action: Action, resource: &str, cluster: &str) -> bool {
        match self {
            Self::BuiltIn(role) => role.allows(action),
            Self::Custom(privileges) => privileges
                .iter()
                .any(|privilege| privilege.allows(action, resource, cluster)),
        }
    }
}

/// What a caller may do. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The roles of the user.
    pub(crate) owner: Vec<Grant>,
    /// The role of the key; none if it may do all that its owner may.
    pub(crate) key: Option<Grant>,
    /// The cluster that all resources are in.
    pub(crate) cluster: String,
}

impl Rights {
    /// Whether `action` may be done to `resource`: the name of a workspace or integration, the RRN of a
    /// virtual instance, or [`ALL`] for every one and for global actions.
    pub fn allow(&self, action: Action, resource: &str) -> bool {
        let allows = |grant: &Grant| grant.allows(action, resource, &self.cluster);
        self.owner.iter().any(allows) && self.key.as_ref().is_none_or(allows)
    }

    /// Whether a global action may be done.
    pub fn allow_global(&self, action: Action) -> bool {
        self.allow(action, ALL)
    }

    /// Whether all that these privileges allow is allowed here.
    pub fn cover_all(&self, privileges: &[Privilege]) -> bool {
        privileges.iter().all(|privilege| {
            let resource = privilege.resource_name.as_deref();
            let one = resource.filter(|name| !name.eq_ignore_ascii_case(ALL));
            self.allow(privilege.action, one.unwrap_or(ALL))
        })
    }

    /// Whether all that a user or key with `other` rights may do is allowed here.
    pub fn cover(&self, other: &Self) -> bool {
        let covers = |grant: &Grant| match grant {
            Grant::BuiltIn(role) => Action::ALL
                .iter()
                .filter(|action| role.allows(**action))
                .all(|action| self.allow(*action, ALL)),
            Grant::Custom(privileges) => self.cover_all(privileges),
        };
        // The other may do no more than its key, and no more than its owner.
        other.key.as_ref().is_some_and(covers) || other.owner.iter().all(covers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(owner: &[Grant], key: Option<Grant>) -> Rights {
        Rights {
            owner: owner.to_vec(),
            key,
            cluster: "c".to_owned(),
        }
    }

    fn on(action: Action, resource: &str) -> Grant {
        Grant::Custom(vec![Privilege {
            action,
            resource_name: Some(resource.to_owned()),
            cluster: None,
        }])
    }

    const ADMIN: Grant = Grant::BuiltIn(BuiltInRole::Admin);
    const MEMBER: Grant = Grant::BuiltIn(BuiltInRole::Member);
    const READ_ONLY: Grant = Grant::BuiltIn(BuiltInRole::ReadOnly);

    #[test]
    fn a_key_may_do_what_both_its_role_and_its_owner_may() {
        let query = |rights: &Rights, workspace| rights.allow(Action::QueryData, workspace);
        let both = rights(&[on(Action::QueryData, "a")], Some(READ_ONLY));
        assert!(query(&both, "a"));
        assert!(!query(&both, "b"));
        assert!(!both.allow_global(Action::ListWs));
        let narrow = rights(&[ADMIN], Some(on(Action::QueryData, "a")));
        assert!(query(&narrow, "a"));
        assert!(!query(&narrow, "b"));
        let several = rights(
            &[on(Action::QueryData, "a"), on(Action::QueryData, "b")],
            None,
        );
        assert!(query(&several, "a") && query(&several, "b") && !query(&several, "c"));
        assert!(!query(&Rights::default(), "a"));
    }

    #[test]
    fn nobody_covers_more_than_they_have() {
        let [admin, member, reader] = [ADMIN, MEMBER, READ_ONLY].map(|role| rights(&[role], None));
        let narrow = rights(&[ADMIN], Some(on(Action::QueryData, "a")));
        let nothing = rights(&[], None);
        for (wider, narrower) in [
            (&admin, &member),
            (&member, &reader),
            (&reader, &narrow),
            (&narrow, &nothing),
        ] {
            assert!(wider.cover(narrower));
            assert!(wider.cover(wider));
            assert!(!narrower.cover(wider));
        }
        // The role of a key alone may be narrower, and so may its owner.
        let strong_key = rights(&[READ_ONLY], Some(ADMIN));
        assert!(reader.cover(&strong_key));
        let everywhere = rights(&[on(Action::AllWorkspaceActions, ALL)], None);
        assert!(everywhere.cover(&rights(&[on(Action::WriteData, "a")], None)));
        assert!(!rights(&[on(Action::WriteData, "a")], None).cover(&everywhere));
    }
}
