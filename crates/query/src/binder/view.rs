//! Views: stored queries that are bound where they are named, as a subquery would be.

use std::mem::replace;

use datafusion::sql::sqlparser::ast::TableAlias;

use super::from::Named;
use super::join::Part;
use super::query::Ctes;
use super::{Binder, Result, Text, chains};
use crate::error::QueryError;
use crate::execution::DEFAULT_WORKSPACE;
use crate::scan::ResolvedView;

/// Most views inside each other.
const DEPTH_MAX: usize = 32;

impl Binder<'_> {
    /// Binds the query of a view as a relation. Names in it mean what they mean in its own text,
    /// whatever the statement around it says.
    pub(super) fn view(&mut self, view: &ResolvedView, named: Named<'_>) -> Result<Part> {
        let name = view.full_name.as_str();
        let complain = |message: String| Err(QueryError::semantic(message, named.place));
        if self.open_views.iter().any(|open| open.full_name == name) {
            return complain(format!("the view `{name}` uses itself"));
        }
        if self.open_views.len() >= DEPTH_MAX {
            return complain(format!("views use each other more than {DEPTH_MAX} deep"));
        }
        let statement = &view.statement;
        if !statement.is_query() {
            return complain(format!("the view `{name}` is no query"));
        }
        if let Some(parameter) = statement.parameters.first() {
            return complain(format!(
                "the view `{name}` has the parameter `:{parameter}`, and views take none"
            ));
        }
        self.views.insert(view.full_name.clone());
        self.resolver.add_chains(chains(statement));
        let workspace = statement.default_workspace.as_deref();
        let text = Text {
            workspace: Some(workspace.unwrap_or(DEFAULT_WORKSPACE).to_owned()),
            access_paths: statement.access_paths.clone(),
            script: super::program(statement, self.context)
                .map_err(|error| error.in_view(name, named.place))?,
        };
        let text = replace(&mut self.text, text);
        self.open_views.push(view.clone());
        let part = self.view_body(view, named.alias, named.parts);
        self.open_views.pop();
        self.text = text;
        part.map_err(|error| error.in_view(name, named.place))
    }

    fn view_body(
        &mut self,
        view: &ResolvedView,
        alias: Option<&TableAlias>,
        parts: &[String],
    ) -> Result<Part> {
        let query = &view.statement.query;
        let shown = match alias {
            Some(alias) => Some(alias.name.value.as_str()),
            None => parts.last().map(String::as_str),
        };
        let ctes = Ctes::new();
        let filtered = match alias {
            Some(alias) if !alias.columns.is_empty() => None,
            _ => self.filtered_collection(query, shown, None, &ctes)?,
        };
        let mut part = match filtered {
            Some(part) => part,
            None => {
                let bound = self.query(query, None, &ctes)?;
                self.aliased(bound, alias, shown)?
            }
        };
        if alias.is_none()
            && let [relation] = part.relations.as_mut_slice()
        {
            relation.full_name = parts.to_vec();
        }
        Ok(part)
    }
}
