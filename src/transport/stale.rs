//! Socket files whose listener is gone: telling them from those in use, and removing them without a race.
//!
//! - A file is stale if connecting to it is refused. Before removing it, a binder *claims* that
//!   very file (device and inode), and looks once more. Of two binders that found the same stale
//!   file one gets the claim; the other cannot remove the first one's new file by mistake.
//! - The claim is a socket with an abstract name, which the system takes back from a process that
//!   dies. Such names exist on Linux only, once per network namespace. Elsewhere, or between
//!   containers that share a directory but no network, there remain some microseconds between the
//!   second look and the removal. (Any program that may run here can hold a claim and so keep a
//!   stale file in place. Binding then fails; nothing is taken away.)

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::{fs, io};

use socket2::{Domain, SockAddr, Socket, Type};

use super::stream::{self, retry};

/// Which file it is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|it| Self::of(&it))
    }

    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

enum Occupant {
    Nobody,
    Stale,
    Live,
}

/// Connects, because only the system knows whether a listener is there. A live listener sees a
/// caller that hangs up at once.
fn probe(path: &Path) -> io::Result<Occupant> {
    let socket = stream::open(Domain::UNIX, None)?;
    let address = SockAddr::unix(path)?;
    match retry(|| socket.connect(&address)) {
        Ok(()) => Ok(Occupant::Live),
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => Ok(Occupant::Stale),
            io::ErrorKind::NotFound => Ok(Occupant::Nobody),
            // A full backlog. (BSDs refuse here too, and so a busy listener looks dead there.)
            io::ErrorKind::WouldBlock => Ok(Occupant::Live),
            // A socket of another type, such as a logger's datagram socket.
            _ if error.raw_os_error() == Some(libc::EPROTOTYPE) => Ok(Occupant::Live),
            _ => Err(error),
        },
    }
}

/// `Ok`: the name is worth another attempt. Removes nothing but a stale socket.
pub(super) fn make_way(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        return Err(in_use(
            "it is not a socket; remove it or choose another path",
        ));
    }
    match probe(path)? {
        Occupant::Nobody => Ok(()),
        Occupant::Live => Err(live()),
        Occupant::Stale => remove_stale(path, FileId::of(&found)),
    }
}

fn remove_stale(path: &Path, id: FileId) -> io::Result<()> {
    let _claim = Claim::on(id)?;
    match FileId::at(path) {
        Ok(now) if now == id => {}
        // Another binder had the claim before and has replaced the file since.
        _ => return Ok(()),
    }
    // Inode numbers are used again: this may be a new file after all.
    match probe(path)? {
        Occupant::Nobody => Ok(()),
        Occupant::Live => Err(live()),
        Occupant::Stale => fs::remove_file(path),
    }
}

/// The right to remove one stale file, for as long as this lives.
struct Claim {
    _socket: Option<Socket>,
}

impl Claim {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn on(id: FileId) -> io::Result<Self> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        let name = format!("\0sinew-stale-{:x}-{:x}", id.device, id.inode);
        match socket.bind(&SockAddr::unix(name)?) {
            Ok(()) => Ok(Self {
                _socket: Some(socket),
            }),
            Err(error) if is_taken(&error) => Err(in_use(
                "another process is just binding it; choose another path",
            )),
            Err(error) => Err(error),
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn on(_: FileId) -> io::Result<Self> {
        Ok(Self { _socket: None })
    }
}

fn live() -> io::Error {
    in_use("a live socket listens there; choose another path")
}

pub(super) fn in_use(message: &'static str) -> io::Error {
    io::Error::new(
        io::ErrorKind::AddrInUse,
        format!("the path is in use: {message}"),
    )
}

pub(super) fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrInUse | io::ErrorKind::AlreadyExists
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn a_stale_file_is_removed_by_one_only() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        let id = FileId::at(&path).unwrap();
        let claim = Claim::on(id).unwrap();
        assert_eq!(
            remove_stale(&path, id).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        drop(claim);
        // The file is another by now: it stays, whatever it is.
        let old = FileId {
            inode: id.inode.wrapping_add(1),
            ..id
        };
        remove_stale(&path, old).unwrap();
        assert!(path.exists());
        remove_stale(&path, id).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn only_a_file_that_no_listener_has_makes_way() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("socket");
        make_way(&path).unwrap();
        let listener = UnixListener::bind(&path).unwrap();
        let error = make_way(&path).unwrap_err();
        assert!(error.to_string().contains("live socket"), "{error}");
        drop(listener);
        make_way(&path).unwrap();
        assert!(!path.exists());
        fs::write(&path, "precious").unwrap();
        let error = make_way(&path).unwrap_err();
        assert!(error.to_string().contains("not a socket"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}
