//! What a stranger says before it is known.
//!
//! `fuzz/run handshake`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::handshake(data));
