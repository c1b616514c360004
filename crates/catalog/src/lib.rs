//! Workspaces, collections and keys.
