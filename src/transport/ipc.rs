//! Unix-domain sockets: listening, connecting, and the files that they leave in the file system.
//!
//! A socket file outlives a program that dies, so binding must replace a stale one; but it must
//! never take the name away from a live listener, nor delete anything that is not a socket.
//!
//! - A listener is bound and made to listen under a hidden name beside the wanted one, and gets
//!   the wanted name by `link`, which fails if the name exists. So a binder that finds the file finds a
//!   listener behind it, or a dead one: never one that is about to listen.
//! - Whether a file is stale, and which process may remove it, is the matter of `transport/stale`.

use std::collections::hash_map::RandomState;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use socket2::{Domain, SockAddr, Socket};

use super::settings::TransportOptions;
use super::stale::{in_use, is_taken, make_way, FileId};
use super::stream::{self, retry};
use crate::endpoint::{Endpoint, IpcEndpoint, IpcName};

/// How often a name is fought for before it counts as in use. Each lost round means that another
/// binder made progress in it.
const ATTEMPTS: usize = 16;

/// A listening socket and what must be cleaned up after it.
pub(super) struct Bound {
    pub(super) socket: Socket,
    /// What was asked for, or what `*` became.
    pub(super) name: IpcName,
    /// `None` for abstract names, which vanish by themselves.
    pub(super) file: Option<BoundFile>,
}

/// Listens under `name`. The errors say what is in the way.
pub(super) fn bind(name: &IpcName, options: &TransportOptions) -> io::Result<Bound> {
    match name {
        IpcName::Any => bind_anywhere(options),
        IpcName::Path(path) => bind_path(path, None, options),
        IpcName::Abstract(_) => {
            let socket = open_at(&address(name)?, options).map_err(advise)?;
            socket.listen(options.backlog())?;
            Ok(Bound {
                socket,
                name: name.clone(),
                file: None,
            })
        }
    }
}

/// Begins to call the listener of that name. It is there or it is not: the answer is immediate.
pub(super) fn connect(name: &IpcName, options: &TransportOptions) -> io::Result<Socket> {
    let socket = open(options)?;
    match retry(|| socket.connect(&address(name)?)) {
        // A caller that sees `WouldBlock` would wait for an event that never comes: the system does not
        // tell when there is room again.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::Error::new(
            io::ErrorKind::ConnectionRefused,
            "the listener's backlog is full",
        )),
        result => result.map(|()| socket),
    }
}

fn address(name: &IpcName) -> io::Result<SockAddr> {
    match name {
        IpcName::Path(path) => SockAddr::unix(path),
        IpcName::Abstract(name) if cfg!(any(target_os = "linux", target_os = "android")) => {
            SockAddr::unix(format!("\0{name}"))
        }
        IpcName::Abstract(_) => Err(io::ErrorKind::Unsupported.into()),
        IpcName::Any => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn open(options: &TransportOptions) -> io::Result<Socket> {
    let socket = stream::open(Domain::UNIX, None)?;
    options.set_buffers(&socket)?;
    Ok(socket)
}

fn open_at(address: &SockAddr, options: &TransportOptions) -> io::Result<Socket> {
    let socket = open(options)?;
    socket.bind(address)?;
    Ok(socket)
}

// ── Getting the name ─────────────────────────────────────────────────────────────────────────────

fn bind_path(
    path: &str,
    directory: Option<PrivateDirectory>,
    options: &TransportOptions,
) -> io::Result<Bound> {
    let (socket, id) = take_path(Path::new(path), options).map_err(advise)?;
    // The program may change its working directory before it is time to remove the file.
    let absolute = std::path::absolute(path)?;
    let file = BoundFile {
        path: absolute,
        id,
        owner: process::id(),
        _directory: directory,
    };
    Ok(Bound {
        socket,
        name: IpcName::Path(path.to_owned()),
        file: Some(file),
    })
}

fn take_path(path: &Path, options: &TransportOptions) -> io::Result<(Socket, FileId)> {
    if let Some((socket, hidden)) = listen_hidden(path, options)? {
        match until_free(path, || fs::hard_link(&hidden.0, path)) {
            Ok(()) => return Ok((socket, FileId::at(&hidden.0)?)),
            Err(error) if has_no_links(&error) => {}
            Err(error) => return Err(error),
        }
    }
    // No room for a hidden name, or a file system without links. Until `listen`, another binder
    // would take the new file for a stale one: the smaller evil than not to bind at all.
    let socket = until_free(path, || open_at(&SockAddr::unix(path)?, options))?;
    socket.listen(options.backlog())?;
    Ok((socket, FileId::at(path)?))
}

/// Tries to take the name; as long as it exists already, finds out whether it may be freed.
fn until_free<T>(path: &Path, mut take: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..ATTEMPTS {
        match take() {
            Err(error) if is_taken(&error) => make_way(path)?,
            result => return result,
        }
    }
    Err(in_use("others keep binding it; choose another path"))
}

/// A listener under a short name in the same directory, or `None` if no such name is short enough.
fn listen_hidden(path: &Path, options: &TransportOptions) -> io::Result<Option<(Socket, Hidden)>> {
    for attempt in 0..ATTEMPTS {
        // Three characters fit wherever the wanted name has four; ten are as good as unique.
        let wide = path.with_file_name(random_name(".", 10));
        let hidden = match SockAddr::unix(&wide) {
            Ok(_) => wide,
            Err(_) => path.with_file_name(random_name(".", 3)),
        };
        let Ok(address) = SockAddr::unix(&hidden) else {
            return Ok(None);
        };
        match open_at(&address, options) {
            Ok(socket) => {
                let hidden = Hidden(hidden);
                socket.listen(options.backlog())?;
                return Ok(Some((socket, hidden)));
            }
            Err(error) if is_taken(&error) && attempt + 1 < ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The hidden name of a listener; goes when the listener has its real one, or has failed.
struct Hidden(PathBuf);

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// FAT and some network file systems say so in one of these ways. Where a link counts as a file, as on
/// tmpfs, there may be room for one name and not for two.
fn has_no_links(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported
    ) || matches!(
        error.raw_os_error(),
        Some(libc::EOPNOTSUPP | libc::ENOSPC | libc::EDQUOT | libc::EMLINK)
    )
}

fn advise(error: io::Error) -> io::Error {
    let advice = match error.kind() {
        // Ours say it already.
        _ if error.raw_os_error().is_none() => return error,
        io::ErrorKind::AddrInUse => "the name is taken, choose another",
        io::ErrorKind::NotFound => "create the directory first",
        io::ErrorKind::PermissionDenied => "choose a directory that this user may write to",
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{error}; {advice}"))
}

// ── Cleaning up ──────────────────────────────────────────────────────────────────────────────────

/// The file of a listener. Dropping it removes the file if it is still the one that was bound, and
/// if this is still the process that bound it: a forked child must not end its parent's endpoint.
///
/// To be dropped *before* the socket: as long as the socket is open the inode number is not used
/// again, and no binder takes the file for stale.
#[derive(Debug)]
pub(super) struct BoundFile {
    /// Absolute.
    path: PathBuf,
    id: FileId,
    owner: u32,
    /// Goes after the file.
    _directory: Option<PrivateDirectory>,
}

impl Drop for BoundFile {
    fn drop(&mut self) {
        let is_ours = FileId::at(&self.path).is_ok_and(|now| now == self.id);
        if is_ours && self.owner == process::id() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A directory that only this user can enter, removed with what is left in it if that is nothing.
#[derive(Debug)]
struct PrivateDirectory {
    path: PathBuf,
    owner: u32,
}

impl PrivateDirectory {
    /// Fails rather than use a directory that exists: another user may have made it.
    fn new_in(parent: &Path) -> io::Result<Self> {
        let path = std::path::absolute(parent)?.join(random_name("sinew-", 12));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self {
            path,
            owner: process::id(),
        })
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        if self.owner == process::id() {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn bind_anywhere(options: &TransportOptions) -> io::Result<Bound> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for parent in temporary_directories(|name| env::var_os(name)) {
        match bind_within(&parent, options) {
            Ok(bound) => return Ok(bound),
            Err(error) => last = error,
        }
    }
    Err(io::Error::new(
        last.kind(),
        format!("{last}; set TMPDIR to a writable directory with a short path"),
    ))
}

fn bind_within(parent: &Path, options: &TransportOptions) -> io::Result<Bound> {
    let directory = PrivateDirectory::new_in(parent)?;
    let path = directory.path.join("socket");
    // The path must be one that an endpoint can say, or no peer could connect to it.
    let said = path
        .to_str()
        .and_then(|it| format!("ipc://{it}").parse().ok());
    match said {
        Some(Endpoint::Ipc(IpcEndpoint(IpcName::Path(path)))) => {
            bind_path(&path, Some(directory), options)
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the temporary path is too long",
        )),
    }
}

fn temporary_directories(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let named = ["TMPDIR", "TEMPDIR", "TMP"]
        .into_iter()
        .filter_map(variable);
    let named = named.filter(|it| !it.is_empty()).map(PathBuf::from);
    named.chain([PathBuf::from("/tmp")]).collect()
}

/// `prefix` and `length` (at most 12) random letters and digits.
fn random_name(prefix: &str, length: usize) -> String {
    // The standard library's seed for hash maps is random and different at each call.
    let mut rest = RandomState::new().build_hasher().finish();
    let mut name = String::from(prefix);
    for _ in 0..length {
        let digit = u32::try_from(rest % 36).unwrap_or(0);
        name.extend(char::from_digit(digit, 36));
        rest /= 36;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
    use std::sync::Barrier;
    use std::thread;

    fn listen(path: &Path) -> io::Result<Bound> {
        bind(
            &IpcName::Path(path.to_str().unwrap().to_owned()),
            &TransportOptions::default(),
        )
    }

    fn refusal(path: &Path) -> io::Error {
        match listen(path) {
            Ok(_) => panic!("{} was bound", path.display()),
            Err(error) => error,
        }
    }

    fn room() -> (tempfile::TempDir, PathBuf) {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("socket");
        (room, path)
    }

    /// Leaves a socket file as a killed program would.
    fn die_at(path: &Path) {
        drop(UnixListener::bind(path).unwrap());
        assert!(path.exists());
    }

    fn entries(directory: &Path) -> usize {
        fs::read_dir(directory).unwrap().count()
    }

    #[test]
    fn a_path_is_bound_without_a_trace_beside_it_and_removed() {
        let (room, path) = room();
        let bound = listen(&path).unwrap();
        assert_eq!(entries(room.path()), 1);
        UnixStream::connect(&path).unwrap();
        drop(bound);
        assert_eq!(entries(room.path()), 0);
    }

    #[test]
    fn a_live_listener_keeps_its_name() {
        let (room, path) = room();
        let foreign = UnixListener::bind(&path).unwrap();
        let error = refusal(&path);
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains("live socket"), "{error}");
        drop(foreign);
        let ours = listen(&path).unwrap();
        assert_eq!(refusal(&path).kind(), io::ErrorKind::AddrInUse);
        drop(ours);
        assert_eq!(entries(room.path()), 0);
    }

    #[test]
    fn a_listener_whose_backlog_is_full_is_alive() {
        let (_room, path) = room();
        let name = IpcName::Path(path.to_str().unwrap().to_owned());
        let options = TransportOptions {
            backlog: 1,
            ..TransportOptions::default()
        };
        let _bound = bind(&name, &options).unwrap();
        let mut callers = Vec::new();
        // The system lets one or two more than the backlog in.
        let error = loop {
            match connect(&name, &options) {
                Ok(caller) => callers.push(caller),
                Err(error) => break error,
            }
            assert!(callers.len() < 10);
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        if cfg!(target_os = "linux") {
            assert_eq!(refusal(&path).kind(), io::ErrorKind::AddrInUse);
        }
    }

    #[test]
    fn a_stale_socket_is_replaced() {
        let (_room, path) = room();
        die_at(&path);
        let _bound = listen(&path).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn what_is_not_a_listener_of_ours_is_never_removed() {
        let (room, path) = room();
        fs::write(&path, "precious").unwrap();
        assert!(refusal(&path).to_string().contains("not a socket"));
        assert_eq!(fs::read(&path).unwrap(), b"precious");

        let link = room.path().join("link");
        die_at(&room.path().join("dead"));
        std::os::unix::fs::symlink(room.path().join("dead"), &link).unwrap();
        assert!(refusal(&link).to_string().contains("not a socket"));

        let datagrams = room.path().join("datagrams");
        let _logger = UnixDatagram::bind(&datagrams).unwrap();
        assert_eq!(refusal(&datagrams).kind(), io::ErrorKind::AddrInUse);

        assert_eq!(refusal(room.path()).kind(), io::ErrorKind::AddrInUse);
        assert_eq!(entries(room.path()), 4);
    }

    #[test]
    fn a_missing_directory_is_named_as_the_reason() {
        let (room, _) = room();
        let error = refusal(&room.path().join("none/socket"));
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(
            error.to_string().contains("create the directory"),
            "{error}"
        );
    }

    #[test]
    fn of_many_binders_one_wins_and_keeps_its_name() {
        for round in 0..60 {
            let (room, path) = room();
            if round % 3 != 0 {
                die_at(&path);
            }
            let start = Barrier::new(6);
            let results: Vec<_> = thread::scope(|scope| {
                let try_it = || {
                    start.wait();
                    listen(&path)
                };
                let binders: Vec<_> = (0..6).map(|_| scope.spawn(try_it)).collect();
                binders.into_iter().map(|it| it.join().unwrap()).collect()
            });
            let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
            assert_eq!(won.len(), 1, "round {round}");
            for error in lost.into_iter().filter_map(Result::err) {
                assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}");
            }
            UnixStream::connect(&path).unwrap();
            assert_eq!(entries(room.path()), 1);
        }
    }

    #[test]
    fn only_the_own_file_is_removed() {
        let (_room, path) = room();
        let bound = listen(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "somebody else's").unwrap();
        drop(bound);
        assert!(path.exists());
    }

    #[test]
    fn a_forked_child_removes_nothing() {
        let (_room, path) = room();
        let mut bound = listen(&path).unwrap();
        if let Some(file) = &mut bound.file {
            file.owner = process::id().wrapping_add(1);
        }
        drop(bound);
        assert!(path.exists());
    }

    #[test]
    fn every_length_of_path_can_be_bound() {
        let (room, _) = room();
        let longest = 107 - usize::from(cfg!(target_vendor = "apple")) * 4;
        for file in ["s", "name", "a-long-file-name"] {
            let pad = longest - room.path().to_str().unwrap().len() - file.len() - 2;
            let directory = room.path().join("d".repeat(pad));
            fs::create_dir_all(&directory).unwrap();
            let path = directory.join(file);
            assert_eq!(path.to_str().unwrap().len(), longest);
            die_at(&path);
            let bound = listen(&path).unwrap();
            UnixStream::connect(&path).unwrap();
            assert_eq!(refusal(&path).kind(), io::ErrorKind::AddrInUse);
            drop(bound);
            assert_eq!(entries(&directory), 0);
        }
    }

    #[test]
    fn a_relative_path_is_bound_where_the_program_stands() {
        let room = tempfile::tempdir_in(".").unwrap();
        let path = Path::new(room.path().file_name().unwrap()).join("socket");
        let bound = listen(&path).unwrap();
        assert!(bound.file.as_ref().unwrap().path.is_absolute());
        UnixStream::connect(&path).unwrap();
        drop(bound);
        assert_eq!(entries(room.path()), 0);
    }

    #[test]
    fn a_wildcard_is_a_private_path_that_leaves_nothing() {
        let bound = bind(&IpcName::Any, &TransportOptions::default()).unwrap();
        let IpcName::Path(path) = &bound.name else {
            panic!("{:?}", bound.name)
        };
        let path = PathBuf::from(path);
        let directory = path.parent().unwrap();
        assert_eq!(
            fs::metadata(directory).unwrap().permissions().mode() & 0o777,
            0o700
        );
        UnixStream::connect(&path).unwrap();
        drop(bound);
        assert!(!directory.exists());
    }

    #[test]
    fn wildcards_look_for_a_place_in_order() {
        let set = |name: &str| match name {
            "TMPDIR" => Some(OsString::new()),
            "TEMPDIR" => None,
            _ => Some(OsString::from("/var/tmp")),
        };
        assert_eq!(
            temporary_directories(set),
            ["/var/tmp", "/tmp"].map(PathBuf::from)
        );
        let (room, _) = room();
        let long = room.path().join("d".repeat(100));
        fs::create_dir(&long).unwrap();
        assert!(bind_within(&long, &TransportOptions::default()).is_err());
        assert_eq!(entries(&long), 0);
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn an_abstract_name_is_taken_once_and_needs_no_file() {
        let name = IpcName::Abstract(random_name("sinew-test-", 12));
        let options = TransportOptions::default();
        let bound = bind(&name, &options).unwrap();
        assert!(bound.file.is_none());
        connect(&name, &options).unwrap();
        let again = bind(&name, &options).err().unwrap();
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
        assert!(again.to_string().contains("choose another"), "{again}");
        drop(bound);
        assert_eq!(
            connect(&name, &options).unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
    }
}
