//! Z85 (RFC 32): four bytes as five printable characters, which is how people hand keys to each other.

use zeroize::{Zeroize, Zeroizing};

const CHARACTERS: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// What a byte that is no character of Z85 stands for.
const NONE: u8 = 85;

/// What each character stands for.
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < CHARACTERS.len() {
        values[CHARACTERS[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It has not as many characters as so many bytes take.
    Length,
    /// It has a character that is not one of the 85.
    Character,
    /// Five characters say more than four bytes can.
    Overflow,
}

/// The text of `N` bytes, which is a multiple of four.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() / 4 * 5);
    for four in bytes.chunks_exact(4) {
        let mut rest = four
            .iter()
            .fold(0u32, |all, byte| all << 8 | u32::from(*byte));
        let mut five = [0u8; 5];
        for place in five.iter_mut().rev() {
            *place = CHARACTERS.get((rest % 85) as usize).copied().unwrap_or(0);
            rest /= 85;
        }
        text.extend(five.iter().map(|byte| char::from(*byte)));
        five.zeroize();
    }
    text
}

/// The `N` bytes of a text.
pub(crate) fn decode<const N: usize>(text: &[u8]) -> Result<Zeroizing<[u8; N]>, Fault> {
    if text.len() != N / 4 * 5 {
        return Err(Fault::Length);
    }
    let mut bytes = Zeroizing::new([0; N]);
    for (four, five) in bytes.chunks_exact_mut(4).zip(text.chunks_exact(5)) {
        let mut all = 0u32;
        for character in five {
            let value = VALUES.get(usize::from(*character)).copied().unwrap_or(NONE);
            if value == NONE {
                return Err(Fault::Character);
            }
            all = all
                .checked_mul(85)
                .and_then(|all| all.checked_add(u32::from(value)))
                .ok_or(Fault::Overflow)?;
        }
        four.copy_from_slice(&all.to_be_bytes());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_standard_reads_both_ways() {
        let bytes = [0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b];
        assert_eq!(encode(&bytes), "HelloWorld");
        assert_eq!(*decode::<8>(b"HelloWorld").unwrap(), bytes);
    }

    #[test]
    fn what_is_no_text_of_so_many_bytes_is_refused() {
        assert_eq!(decode::<8>(b"HelloWorl"), Err(Fault::Length));
        assert_eq!(decode::<8>(b"HelloWorldd"), Err(Fault::Length));
        for character in [b' ', b'"', b'\'', b',', b'~', b';', b'\\', b'\0', 0xff] {
            let text = [b'0', b'0', character, b'0', b'0'];
            assert_eq!(decode::<4>(&text), Err(Fault::Character));
        }
        // 2^32 - 1 is the largest, and the next text says 2^32.
        assert_eq!(*decode::<4>(b"%nSc0").unwrap(), [0xff; 4]);
        assert_eq!(decode::<4>(b"%nSc1"), Err(Fault::Overflow));
        assert_eq!(decode::<4>(b"#####"), Err(Fault::Overflow));
    }

    proptest! {
        #[test]
        fn every_key_reads_back(bytes: [u8; 32]) {
            let text = encode(&bytes);
            prop_assert_eq!(text.len(), 40);
            prop_assert_eq!(*decode::<32>(text.as_bytes()).unwrap(), bytes);
        }

        #[test]
        fn every_text_that_is_read_is_written_the_same(text: [u8; 40]) {
            if let Ok(bytes) = decode::<32>(&text) {
                prop_assert_eq!(encode(&*bytes).into_bytes(), text);
            }
        }
    }
}
