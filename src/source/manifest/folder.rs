//! From the paths that a user names to files, and from a file to its bytes.

use std::{
    collections::{BTreeMap, HashSet},
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

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
    // By the path shown; the real one decides whether it is there already.
    let mut search = Search::default();
    for path in paths {
        let unreadable = |source| FindError::Unreadable { path: path.clone(), source };
        if fs::metadata(path).map_err(unreadable)?.is_dir() {
            search.folder(path, 0)?;
        } else {
            search.file(path)?;
        }
    }
    Ok(search.files.into_keys().collect())
}

#[derive(Default)]
struct Search {
    files: BTreeMap<PathBuf, ()>,
    /// Real paths of the files and folders that were met.
    met: HashSet<PathBuf>,
}

impl Search {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), FindError> {
        if depth > MAX_FOLDERS_DEEP {
            return Err(FindError::TooDeep { path: folder.to_owned() });
        }
        if !self.is_new(folder) {
            return Ok(());
        }
        let unreadable = |source| FindError::Unreadable { path: folder.to_owned(), source };
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            entries.push(entry.map_err(unreadable)?.path());
        }
        // In order, so that of two ways to one file always the same is shown.
        entries.sort();
        for path in entries {
            if is_hidden(&path) {
                continue;
            }
            // Gone since, or a link to nothing: neither is ours to judge.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if metadata.is_dir() {
                self.folder(&path, depth + 1)?;
            } else if metadata.is_file() && is_manifest(&path) {
                self.file(&path)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), FindError> {
        if !self.is_new(path) {
            return Ok(());
        }
        if self.files.len() == MAX_FILES {
            return Err(FindError::TooMany);
        }
        self.files.insert(path.to_owned(), ());
        Ok(())
    }

    fn is_new(&mut self, path: &Path) -> bool {
        fs::canonicalize(path).is_ok_and(|real| self.met.insert(real))
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
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
