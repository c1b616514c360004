//! What roles allow: actions, and privileges, which are actions on resources.

use serde::{Deserialize, Serialize};

/// What stands for every resource or every cluster in a privilege.
pub const ALL: &str = "*ALL*";

/// What an action is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// The organisation; such an action has no resource.
    Global,
    /// An integration, by name.
    Integration,
    /// A workspace, by name, and what is in it.
    Workspace,
    /// A virtual instance, by RRN or UUID.
    VirtualInstance,
}

impl Family {
    /// The action that stands for all of the family.
    pub fn everything(self) -> Action {
        match self {
            Self::Global => Action::AllGlobalActions,
            Self::Integration => Action::AllIntegrationActions,
            Self::Workspace => Action::AllWorkspaceActions,
            Self::VirtualInstance => Action::AllViActions,
        }
    }
}

macro_rules! actions {
    ($($family:ident { $($action:ident $name:literal,)* })*) => {
        /// Something that a privilege allows, as the API names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Action {
            $($(
                #[doc = concat!("`", $name, "`.")]
                #[serde(rename = $name)]
                $action,
            )*)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$($(Self::$action,)*)*];

            /// Its name in the API.
            pub fn name(self) -> &'static str {
                match self {
                    $($(Self::$action => $name,)*)*
                }
            }

            /// What it is done to.
            pub fn family(self) -> Family {
                match self {
                    $($(Self::$action)|* => Family::$family,)*
                }
            }
        }
    };
}

actions! {
    Global {
        AllGlobalActions "ALL_GLOBAL_ACTIONS",
        GetOrg "GET_ORG_GLOBAL",
        GetCurrentUser "GET_CURRENT_USER_GLOBAL",
        InviteUser "INVITE_USER_GLOBAL",
        DeleteUser "DELETE_USER_GLOBAL",
        ListUsers "LIST_USERS_GLOBAL",
        GetBilling "GET_BILLING_GLOBAL",
        UpdateBilling "UPDATE_BILLING_GLOBAL",
        UpdateSettings "UPDATE_SETTINGS_GLOBAL",
        GetMetrics "GET_METRICS_GLOBAL",
        CreateVi "CREATE_VI_GLOBAL",
        UpdateAnyVi "UPDATE_VI_GLOBAL",
        ListVi "LIST_VI_GLOBAL",
        CreateWs "CREATE_WS_GLOBAL",
        ListWs "LIST_WS_GLOBAL",
        CreateIntegration "CREATE_INTEGRATION_GLOBAL",
        DeleteIntegration "DELETE_INTEGRATION_GLOBAL",
        ListIntegrations "LIST_INTEGRATIONS_GLOBAL",
        ExportData "EXPORT_DATA_GLOBAL",
        UpdateResourceOwner "UPDATE_RESOURCE_OWNER_GLOBAL",
        CreateApiKey "CREATE_API_KEY_GLOBAL",
        CreateRole "CREATE_ROLE_GLOBAL",
        UpdateRole "UPDATE_ROLE_GLOBAL",
        DeleteRole "DELETE_ROLE_GLOBAL",
        ListRoles "LIST_ROLES_GLOBAL",
        GrantRevokeRole "GRANT_REVOKE_ROLE_GLOBAL",
        CreateQueryLogsCollection "CREATE_QUERY_LOGS_COLLECTION_GLOBAL",
        CreateIngestLogsCollection "CREATE_INGEST_LOGS_COLLECTION_GLOBAL",
        CreateNetworkConfiguration "CREATE_NETWORK_CONFIGURATION_GLOBAL",
        DeleteNetworkConfiguration "DELETE_NETWORK_CONFIGURATION_GLOBAL",
        ListNetworkConfigurations "LIST_NETWORK_CONFIGURATIONS_GLOBAL",
        UpdateDefaultQueryVi "UPDATE_DEPLOYMENT_DEFAULT_QUERY_VI",
    }
    Integration {
        AllIntegrationActions "ALL_INTEGRATION_ACTIONS",
        UseIntegration "CREATE_COLLECTION_INTEGRATION",
    }
    Workspace {
        AllWorkspaceActions "ALL_WORKSPACE_ACTIONS",
        DeleteWs "DELETE_WS",
        QueryData "QUERY_DATA_WS",
        WriteData "WRITE_DATA_WS",
        CreateCollection "CREATE_COLLECTION_WS",
        DeleteCollection "DELETE_COLLECTION_WS",
        UpdateCollection "UPDATE_COLLECTION_WS",
        CreateAlias "CREATE_ALIAS_WS",
        DeleteAlias "DELETE_ALIAS_WS",
        CreateSnapshot "CREATE_SNAPSHOT_WS",
        ListResources "LIST_RESOURCES_WS",
        CreateQueryLambda "CREATE_QUERY_LAMBDA_WS",
        DeleteQueryLambda "DELETE_QUERY_LAMBDA_WS",
        ExecuteQueryLambda "EXECUTE_QUERY_LAMBDA_WS",
        CreateScheduledLambda "CREATE_SCHEDULED_LAMBDA_WS",
        DeleteScheduledLambda "DELETE_SCHEDULED_LAMBDA_WS",
        CreateView "CREATE_VIEW_WS",
        DeleteView "DELETE_VIEW_WS",
        CreateSimilarityIndex "CREATE_SIMILARITY_INDEX_WS",
        DeleteSimilarityIndex "DELETE_SIMILARITY_INDEX_WS",
    }
    VirtualInstance {
        AllViActions "ALL_VI_ACTIONS",
        QueryVi "QUERY_VI",
        UpdateVi "UPDATE_VI",
        SuspendResumeVi "SUSPEND_RESUME_VI",
        DeleteVi "DELETE_VI",
    }
}

/// An action on one resource of one cluster, or on all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privilege {
    /// What may be done.
    pub action: Action,
    /// What it may be done to; none or [`ALL`] for every resource.
    pub resource_name: Option<String>,
    /// Where; none or [`ALL`] for every cluster.
    pub cluster: Option<String>,
}

impl Privilege {
    /// Whether it allows `action` on `resource`, which is [`ALL`] where every resource is meant.
    pub(crate) fn allows(&self, action: Action, resource: &str, cluster: &str) -> bool {
        let family = action.family();
        let is_named = self.resource_name.as_deref().is_some_and(|name| {
            // `rrn:vi:<cluster>:<uuid>` is the long form of `<uuid>`.
            let is_uuid = || family == Family::VirtualInstance && ends_with_part(resource, name);
            name == resource || is_uuid()
        });
        (self.action == action || self.action == family.everything())
            && (family == Family::Global || is_all(self.resource_name.as_deref()) || is_named)
            && (is_all(self.cluster.as_deref()) || self.cluster.as_deref() == Some(cluster))
    }
}

/// Whether `part` is what follows a colon at the end of `text`.
fn ends_with_part(text: &str, part: &str) -> bool {
    let front = text.strip_suffix(part);
    front.is_some_and(|front| front.ends_with(':'))
}

/// Whether the name of a resource or cluster stands for all of them.
fn is_all(name: Option<&str>) -> bool {
    name.is_none_or(|name| name.eq_ignore_ascii_case(ALL))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn privilege(action: Action, resource: Option<&str>, cluster: Option<&str>) -> Privilege {
        Privilege {
            action,
            resource_name: resource.map(str::to_owned),
            cluster: cluster.map(str::to_owned),
        }
    }

    #[test]
    fn there_are_59_actions_whose_names_say_their_family() {
        assert_eq!(Action::ALL.len(), 59);
        for action in Action::ALL {
            let name = action.name();
            let text = serde_json::to_string(action).unwrap();
            assert_eq!(text, format!("\"{name}\""));
            let ending = name.rsplit('_').next().unwrap();
            let family = match ending {
                _ if *action == Action::UpdateDefaultQueryVi => Family::Global,
                "GLOBAL" => Family::Global,
                "WS" => Family::Workspace,
                "VI" => Family::VirtualInstance,
                "INTEGRATION" => Family::Integration,
                _ => continue,
            };
            assert_eq!(action.family(), family, "{name}");
        }
    }

    #[test]
    fn a_privilege_allows_its_action_on_its_resource() {
        let one = privilege(Action::QueryData, Some("a"), None);
        assert!(one.allows(Action::QueryData, "a", "x"));
        assert!(!one.allows(Action::QueryData, "b", "x"));
        assert!(!one.allows(Action::QueryData, ALL, "x"));
        assert!(!one.allows(Action::WriteData, "a", "x"));
        let all = privilege(Action::AllWorkspaceActions, Some("*All*"), Some("x"));
        assert!(all.allows(Action::QueryData, "b", "x"));
        assert!(all.allows(Action::QueryData, ALL, "x"));
        assert!(!all.allows(Action::QueryData, "b", "y"));
        assert!(!all.allows(Action::GetOrg, ALL, "x"));
        // The resource of a global action means nothing.
        let global = privilege(Action::GetOrg, Some("a"), None);
        assert!(global.allows(Action::GetOrg, ALL, "x"));
    }

    #[test]
    fn a_virtual_instance_is_named_in_short_or_in_full() {
        for name in ["rrn:vi:c:0-1", "0-1"] {
            let one = privilege(Action::QueryVi, Some(name), None);
            assert!(one.allows(Action::QueryVi, "rrn:vi:c:0-1", "c"), "{name}");
            assert!(!one.allows(Action::QueryVi, "rrn:vi:c:0-2", "c"), "{name}");
        }
        let tail = privilege(Action::QueryVi, Some("-1"), None);
        assert!(!tail.allows(Action::QueryVi, "rrn:vi:c:0-1", "c"));
    }
}
