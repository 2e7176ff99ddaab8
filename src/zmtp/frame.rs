//! The frame header: one byte of flags, one or eight bytes of size (RFC 37, "Framing").

use super::error::ProtocolError;

/// More frames of the same message follow.
pub(crate) const MORE: u8 = 0b001;
/// The size takes eight bytes instead of one.
const LONG: u8 = 0b010;
/// The frame is a command.
pub(crate) const COMMAND: u8 = 0b100;

/// Flags and the long size.
pub(crate) const MAX_HEADER: usize = 9;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes of the header itself: 2 or 9.
    pub(crate) len: usize,
    /// Bytes of the body. At most 2^63 - 1.
    pub(crate) size: u64,
    pub(crate) more: bool,
    pub(crate) command: bool,
}

impl Header {
    /// Reads the header at the start of `input`; `None` while it is incomplete.
    ///
    /// The flags are judged as soon as they are there, so that a fault does not depend on how the
    /// bytes were split.
    pub(crate) fn parse(input: &[u8]) -> Result<Option<Header>, ProtocolError> {
        let Some((&flags, rest)) = input.split_first() else {
            return Ok(None);
        };
        check_flags(flags)?;
        let (len, size) = if flags & LONG == 0 {
            let Some(&size) = rest.first() else {
                return Ok(None);
            };
            (2, u64::from(size))
        } else {
            let Some(size) = rest.first_chunk() else {
                return Ok(None);
            };
            (MAX_HEADER, u64::from_be_bytes(*size))
        };
        // RFC 37, "Framing": sizes end at 2^63 - 1, so the top bit is always clear.
        if size > i64::MAX as u64 {
            return Err(ProtocolError::FrameSizeOverflow { size });
        }
        Ok(Some(Header {
            len,
            size,
            more: flags & MORE != 0,
            command: flags & COMMAND != 0,
        }))
    }
}

fn check_flags(flags: u8) -> Result<(), ProtocolError> {
    // RFC 37, "Framing": the upper five bits are reserved and must be zero.
    if flags & !(MORE | LONG | COMMAND) != 0 {
        return Err(ProtocolError::ReservedFlags { flags });
    }
    // RFC 37, "Framing": a command is always one frame.
    if flags & COMMAND != 0 && flags & MORE != 0 {
        return Err(ProtocolError::CommandWithMore);
    }
    Ok(())
}

/// Writes a header for a body of `size` bytes; the long form exactly where the short one ends.
#[inline]
pub(crate) fn put_header(out: &mut Vec<u8>, flags: u8, size: usize) {
    match u8::try_from(size) {
        Ok(short) => out.extend_from_slice(&[flags, short]),
        Err(_) => {
            let [a, b, c, d, e, f, g, h] = (size as u64).to_be_bytes();
            out.extend_from_slice(&[flags | LONG, a, b, c, d, e, f, g, h]);
        }
    }
}

/// The same into an array; gives how many bytes it took.
#[cfg(feature = "curve")]
pub(crate) fn header(flags: u8, size: usize, out: &mut [u8; MAX_HEADER]) -> usize {
    let [first, rest @ ..] = out;
    if let Ok(short) = u8::try_from(size) {
        (*first, rest[0]) = (flags, short);
        2
    } else {
        *first = flags | LONG;
        *rest = (size as u64).to_be_bytes();
        MAX_HEADER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_back() {
        for size in [0, 1, 254, 255, 256, 65_535, 65_536, 1 << 40] {
            for flags in [0, MORE, COMMAND] {
                let mut bytes = Vec::new();
                put_header(&mut bytes, flags, size);
                assert_eq!(bytes.len(), if size <= 255 { 2 } else { MAX_HEADER });
                let header = Header::parse(&bytes).unwrap().unwrap();
                assert_eq!(header.len, bytes.len());
                assert_eq!(header.size, size as u64);
                assert_eq!(header.more, flags == MORE);
                assert_eq!(header.command, flags == COMMAND);
                for cut in 0..bytes.len() {
                    assert_eq!(Header::parse(&bytes[..cut]), Ok(None));
                }
            }
        }
    }

    #[test]
    fn reserved_bits_are_refused_at_the_first_byte() {
        for flags in 8..=255u8 {
            let fault = Err(ProtocolError::ReservedFlags { flags });
            assert_eq!(Header::parse(&[flags]), fault);
        }
    }

    #[test]
    fn a_command_with_more_is_refused() {
        for flags in [COMMAND | MORE, COMMAND | MORE | LONG] {
            assert_eq!(Header::parse(&[flags]), Err(ProtocolError::CommandWithMore));
        }
    }

    #[test]
    fn sizes_end_at_63_bits() {
        for size in [1u64 << 63, u64::MAX] {
            let mut bytes = vec![LONG];
            bytes.extend_from_slice(&size.to_be_bytes());
            let fault = Err(ProtocolError::FrameSizeOverflow { size });
            assert_eq!(Header::parse(&bytes), fault);
        }
        let mut bytes = vec![LONG];
        bytes.extend_from_slice(&((1u64 << 63) - 1).to_be_bytes());
        assert_eq!(Header::parse(&bytes).unwrap().unwrap().size, (1 << 63) - 1);
    }

    #[test]
    fn a_long_header_may_carry_a_short_size() {
        let header = Header::parse(&[LONG, 0, 0, 0, 0, 0, 0, 0, 3]);
        assert_eq!(header.unwrap().unwrap().size, 3);
    }
}
