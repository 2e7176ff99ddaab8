//! What a peer says after the handshake: whole, in pieces and naively decoded, it is the same.
//!
//! `fuzz/run decoder`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::decoder(data));
