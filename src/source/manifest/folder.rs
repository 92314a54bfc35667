//! From the paths that a user names to files, and from a file to its bytes.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsStr,
    fs, io,
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use foldhash::fast::RandomState;

/// The most that one file may hold: a kubectl-applied object is at most 1.5 MiB, so this is ten and more of
/// the largest, or some 30,000 checks.
pub const MAX_FILE_BYTES: u64 = 16 << 20;
/// How deep folders are followed. A tree by team, environment and service has four.
const MAX_FOLDERS_DEEP: usize = 16;
/// How many files are read, ten times what one process is meant to probe with one check a file.
const MAX_FILES: usize = 100_000;

/// Why the paths cannot be searched.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("cannot read {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("folders under {} are nested more than {MAX_FOLDERS_DEEP} deep", path.display())]
    TooDeep { path: PathBuf },
    #[error("there are more than {MAX_FILES} manifest files; name fewer folders")]
    TooMany,
}

/// Why a file cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is larger than {} MiB; split it", path.display(), MAX_FILE_BYTES >> 20)]
    TooLarge { path: PathBuf },
}

/// What a look at a file from outside tells: a hint that its content may have changed, never the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds: of the content, and of what is known about the file.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Looks at the file that `path` leads to.
    ///
    /// # Errors
    /// When it is not there or cannot be looked at.
    pub fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::from(&metadata))
    }
}

impl From<&fs::Metadata> for Stamp {
    fn from(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// All manifest files under `paths`, by path, each once however many ways lead to it.
///
/// A file that is named is taken whatever its name is. A folder is searched with its folders, for `*.yaml`,
/// `*.yml` and `*.json`; hidden files and folders (a leading dot, also the `..data` of a mounted ConfigMap)
/// are left out. Symbolic links are followed.
///
/// # Errors
/// When a named path is not there, or a folder cannot be listed. A file or folder that goes away during the
/// search is left out.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, FindError> {
    let mut all: Vec<_> = find_stamped(paths)?.into_keys().collect();
    all.sort_unstable();
    Ok(all)
}

/// How each file looks. Not in order: to compare paths takes longer than to look at what they lead to.
pub type Looks = HashMap<PathBuf, Stamp, RandomState>;

/// As [`find`], with how each file looks.
///
/// # Errors
/// As [`find`].
pub fn find_stamped(paths: &[PathBuf]) -> Result<Looks, FindError> {
    let mut search = Search::default();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|source| FindError::Unreadable { path: path.clone(), source })?;
        if metadata.is_dir() {
            search.folder(path, &metadata, 0)?;
        } else {
            search.file(path.clone(), &metadata)?;
        }
    }
    Ok(search.files)
}

#[derive(Default)]
struct Search {
    files: Looks,
    /// Device and inode of the files and folders that were met.
    met: HashSet<(u64, u64), RandomState>,
}

impl Search {
    fn folder(&mut self, folder: &Path, metadata: &fs::Metadata, depth: usize) -> Result<(), FindError> {
        if depth > MAX_FOLDERS_DEEP {
            return Err(FindError::TooDeep { path: folder.to_owned() });
        }
        if !self.met.insert((metadata.dev(), metadata.ino())) {
            return Ok(());
        }
        let unreadable = |source| FindError::Unreadable { path: folder.to_owned(), source };
        let (mut files, mut folders, mut linked) = (Vec::new(), Vec::new(), false);
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if is_hidden(&entry.file_name()) {
                continue;
            }
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            // What is no link is looked at from its folder, which spares the way there.
            let looked = if is_link { fs::metadata(entry.path()) } else { entry.metadata() };
            // Gone since, or a link to nothing: neither is ours to judge.
            let Ok(metadata) = looked else { continue };
            let path = entry.path();
            if metadata.is_dir() {
                folders.push((path, metadata));
            } else if metadata.is_file() && is_manifest(&path) {
                linked |= is_link || metadata.nlink() > 1;
                files.push((path, metadata));
            }
        }
        // In order, so that of two ways to one file always the same is shown; where each has one, the order is none of
        // anybody's business, and to find it takes as long as all the rest.
        if linked {
            files.sort_unstable_by(|(a, _), (b, _)| a.as_os_str().cmp(b.as_os_str()));
        }
        folders.sort_unstable_by(|(a, _), (b, _)| a.as_os_str().cmp(b.as_os_str()));
        for (path, metadata) in files {
            self.file(path, &metadata)?;
        }
        for (path, metadata) in folders {
            self.folder(&path, &metadata, depth + 1)?;
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, metadata: &fs::Metadata) -> Result<(), FindError> {
        if !self.met.insert((metadata.dev(), metadata.ino())) {
            return Ok(());
        }
        if self.files.len() == MAX_FILES {
            return Err(FindError::TooMany);
        }
        self.files.insert(path, metadata.into());
        Ok(())
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json")
}

/// The bytes of one file.
///
/// # Errors
/// When it cannot be read, or holds more than [`MAX_FILE_BYTES`].
pub fn load(path: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file of the largest size from one beyond; its stated size may lie.
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(LoadError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(root: &Path, paths: &[PathBuf]) -> Vec<String> {
        let found = find(paths).unwrap();
        found.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect()
    }

    #[test]
    fn folders_are_searched_for_manifests() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("team/web")).unwrap();
        fs::create_dir_all(root.join(".git")).unwrap();
        for name in ["b.yaml", "a.yml", "c.json", "notes.txt", ".hidden.yaml", ".git/x.yaml", "team/web/d.yaml"] {
            fs::write(root.join(name), "").unwrap();
        }
        symlink(root.join("b.yaml"), root.join("same.yaml")).unwrap();
        symlink(root.join("nothing"), root.join("broken.yaml")).unwrap();
        symlink(root, root.join("team/up")).unwrap();
        let expected = ["a.yml", "b.yaml", "c.json", "team/web/d.yaml"];
        assert_eq!(names(root, &[root.to_owned()]), expected);
        // A file that is named is taken, whatever its name; one that is met again is the same one.
        assert_eq!(
            names(root, &[root.join("notes.txt"), root.to_owned(), root.join("a.yml")]),
            ["a.yml", "b.yaml", "c.json", "notes.txt", "team/web/d.yaml"]
        );
        assert!(matches!(find(&[root.join("nowhere")]), Err(FindError::Unreadable { .. })));
    }

    #[test]
    fn of_two_ways_to_one_file_always_the_same_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir(root.join("below")).unwrap();
        for (name, link) in [("z.yaml", "a.yaml"), ("b.yaml", "y.yaml"), ("below/x.yaml", "x.yaml")] {
            fs::write(root.join(name), "").unwrap();
            fs::hard_link(root.join(name), root.join(link)).unwrap();
        }
        fs::write(root.join("below/w.yaml"), "").unwrap();
        symlink("below/w.yaml", root.join("w.yaml")).unwrap();
        assert_eq!(names(root, &[root.to_owned()]), ["a.yaml", "b.yaml", "w.yaml", "x.yaml"]);
    }

    #[test]
    fn a_mounted_config_map_is_read_through_its_links() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir(root.join("..2026_11_22")).unwrap();
        fs::write(root.join("..2026_11_22/checks.yaml"), "").unwrap();
        symlink("..2026_11_22", root.join("..data")).unwrap();
        symlink("..data/checks.yaml", root.join("checks.yaml")).unwrap();
        assert_eq!(names(root, &[root.to_owned()]), ["checks.yaml"]);
    }

    #[test]
    fn a_file_is_at_most_so_large() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("big.yaml");
        fs::File::create(&path).unwrap().set_len(MAX_FILE_BYTES).unwrap();
        assert_eq!(load(&path).unwrap().len() as u64, MAX_FILE_BYTES);
        fs::File::create(&path).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        assert!(matches!(load(&path), Err(LoadError::TooLarge { .. })));
    }
}
