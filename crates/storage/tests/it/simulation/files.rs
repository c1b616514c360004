//! The names and files of a simulated file system: as programs see them, and as a power cut leaves
//! them.
//!
//! A change of a name (made, removed) is on disk when its folder has been synced. One that failed
//! halfway is pending: programs see it or not, and after a power cut it has happened or not,
//! independently of every other.

use std::collections::{BTreeMap, BTreeSet};

use outcrop_storage::ObjectPath;
use rand::RngExt;
use rand::rngs::StdRng;

use super::image::Image;

type FileId = u64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Files {
    images: BTreeMap<FileId, Image>,
    names: BTreeMap<ObjectPath, FileId>,
    names_on_disk: BTreeMap<ObjectPath, FileId>,
    /// Names that programs do not see, and that a power cut may bring back.
    ghosts: BTreeMap<ObjectPath, FileId>,
    folders: BTreeSet<String>,
    next_id: FileId,
}

impl Files {
    pub(super) fn contains(&self, path: &ObjectPath) -> bool {
        self.names.contains_key(path)
    }

    pub(super) fn id(&self, path: &ObjectPath) -> Option<FileId> {
        self.names.get(path).copied()
    }

    pub(super) fn image(&mut self, id: FileId) -> &mut Image {
        self.images.get_mut(&id).expect("ids of files stay valid")
    }

    pub(super) fn bytes(&self, path: &ObjectPath) -> Option<&[u8]> {
        Some(self.images[self.names.get(path)?].bytes())
    }

    pub(super) fn list(&self, folder: &ObjectPath) -> Vec<String> {
        let prefix = format!("{folder}/");
        let all = self.names.keys().map(ObjectPath::as_str);
        let names: BTreeSet<&str> = all
            .chain(self.folders.iter().map(String::as_str))
            .filter_map(|path| path.strip_prefix(&prefix))
            .filter_map(|rest| rest.split('/').next())
            .collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// Makes a file; its name is pending until [`sync_folder_of`](Self::sync_folder_of).
    pub(super) fn make(&mut self, path: &ObjectPath, image: Image) -> FileId {
        self.make_folders(path);
        let id = self.add(image);
        self.names.insert(path.clone(), id);
        id
    }

    /// Makes a file that programs do not see, and that a power cut may bring back.
    pub(super) fn make_ghost(&mut self, path: &ObjectPath, image: Image) {
        self.make_folders(path);
        let id = self.add(image);
        self.ghosts.insert(path.clone(), id);
    }

    fn add(&mut self, image: Image) -> FileId {
        self.next_id += 1;
        self.images.insert(self.next_id, image);
        self.next_id
    }

    fn make_folders(&mut self, path: &ObjectPath) {
        let text = path.as_str();
        let ends = text.match_indices('/').map(|(end, _)| end);
        self.folders.extend(ends.map(|end| text[..end].to_owned()));
    }

    /// Removes a name; pending as with [`make`](Self::make). False if there is none.
    pub(super) fn remove(&mut self, path: &ObjectPath) -> bool {
        self.names.remove(path).is_some()
    }

    /// The files below a folder.
    pub(super) fn below(&self, folder: &ObjectPath) -> Vec<ObjectPath> {
        let prefix = format!("{folder}/");
        let names = self.names.keys();
        names
            .filter(|path| path.as_str().starts_with(&prefix))
            .cloned()
            .collect()
    }

    /// Removes a folder and what is below it, durably.
    pub(super) fn remove_folder(&mut self, folder: &ObjectPath) {
        let prefix = format!("{folder}/");
        let is_outside = |path: &ObjectPath| !path.as_str().starts_with(&prefix);
        self.names.retain(|path, _| is_outside(path));
        self.names_on_disk.retain(|path, _| is_outside(path));
        self.ghosts.retain(|path, _| is_outside(path));
        self.folders
            .retain(|path| path != folder.as_str() && !path.starts_with(&prefix));
        self.forget_unused();
    }

    /// All changes of names in the folder of `path` reach the disk.
    pub(super) fn sync_folder_of(&mut self, path: &ObjectPath) {
        self.sync_folder(folder_of(path));
    }

    /// All changes of names in the folder reach the disk.
    pub(super) fn sync_folder(&mut self, folder: &str) {
        let is_outside = |path: &ObjectPath| folder_of(path) != folder;
        self.ghosts.retain(|path, _| is_outside(path));
        self.names_on_disk.retain(|path, _| is_outside(path));
        let inside = self.names.iter().filter(|(path, _)| !is_outside(path));
        self.names_on_disk
            .extend(inside.map(|(path, id)| (path.clone(), *id)));
        self.forget_unused();
    }

    fn forget_unused(&mut self) {
        let names = self.names.values().chain(self.names_on_disk.values());
        let used: BTreeSet<FileId> = names.chain(self.ghosts.values()).copied().collect();
        // Programs may have a file open that has no name any more: the newest stay for a while.
        let old = self.next_id.saturating_sub(64);
        self.images.retain(|id, _| *id > old || used.contains(id));
    }

    /// Cuts the power. Returns the files of which a part of a write is there and a part is not.
    pub(super) fn lose_power(&mut self, random: &mut StdRng) -> Vec<ObjectPath> {
        let pending: BTreeSet<ObjectPath> = self
            .names
            .keys()
            .chain(self.names_on_disk.keys())
            .chain(self.ghosts.keys())
            .filter(|path| {
                self.names.get(*path) != self.names_on_disk.get(*path)
                    || self.ghosts.contains_key(*path)
            })
            .cloned()
            .collect();
        for path in pending {
            let choices = [
                self.names.get(&path),
                self.names_on_disk.get(&path),
                self.ghosts.get(&path).or(self.names_on_disk.get(&path)),
            ];
            match choices[random.random_range(0..3)].copied() {
                Some(id) => drop(self.names_on_disk.insert(path, id)),
                None => drop(self.names_on_disk.remove(&path)),
            }
        }
        self.names.clone_from(&self.names_on_disk);
        self.ghosts.clear();
        self.forget_unused();
        let mut torn = Vec::new();
        for (path, id) in &self.names {
            let image = self.images.get_mut(id).expect("every name has its file");
            if image.lose_power(random) {
                torn.push(path.clone());
            }
        }
        torn
    }
}

fn folder_of(path: &ObjectPath) -> &str {
    path.as_str()
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder)
}
