//! What a view reads with, while others change it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use outcrop_query::{
    Collections, Definer, Engine, EngineOptions, Indirection, QueryError, ResolvedView,
};
use outcrop_storage::Snapshot;

use crate::fixture::{Layout, documents, rows, run};

/// The view `v`, whose query reads `private`. Whoever looks it up sees the text of somebody, and only then
/// does another write it.
struct Changing {
    private: Arc<Snapshot>,
    /// Who wrote the text that is found.
    writer: &'static str,
    /// Whether the other one has written it since.
    is_changed: AtomicBool,
}

impl Collections for Changing {
    fn snapshot(&self, workspace: &str, name: &str) -> Option<Arc<Snapshot>> {
        ((workspace, name) == ("private", "t")).then(|| Arc::clone(&self.private))
    }

    fn indirection(&self, workspace: &str, name: &str) -> Option<Indirection> {
        let definer = |email: &str| Definer {
            email: email.to_owned(),
            role: None,
        };
        if (workspace, name) != ("commons", "v") {
            return None;
        }
        let (sql, definer) = match self.is_changed.swap(true, Ordering::SeqCst) {
            false => ("SELECT a FROM private.t", definer(self.writer)),
            true => ("SELECT 1 AS a", definer("owner")),
        };
        let sql = sql.to_owned();
        Some(Indirection::View { sql, definer })
    }

    /// Only the owner may read the workspace `private`.
    fn check_read(
        &self,
        workspace: &str,
        _name: &str,
        view: Option<&ResolvedView>,
    ) -> Result<(), QueryError> {
        let is_allowed = match (workspace, view) {
            ("private", Some(view)) => view.definer.email == "owner",
            ("private", None) => false,
            _ => true,
        };
        match is_allowed {
            true => Ok(()),
            false => Err(QueryError::Forbidden {
                message: "not for you".to_owned(),
            }),
        }
    }
}

fn engine(writer: &'static str) -> Engine {
    let private = Layout::Delta.snapshot(&documents(r#"[{"_id": "1", "a": 7}]"#));
    let collections = Changing {
        private,
        writer,
        is_changed: AtomicBool::new(false),
    };
    Engine::new(Arc::new(collections), EngineOptions::default()).unwrap()
}

#[tokio::test]
async fn a_text_is_never_read_with_the_rights_of_who_wrote_the_next_one() {
    let sql = "SELECT v.a, w.a AS b FROM v, v w";
    assert_eq!(rows(&engine("owner"), sql).await, r#"[{"a":7,"b":7}]"#);
    let refused = run(&engine("guest"), sql).await.unwrap_err();
    assert!(
        matches!(refused, QueryError::Forbidden { .. }),
        "{refused:?}"
    );
}
