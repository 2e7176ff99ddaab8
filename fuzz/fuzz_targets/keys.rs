//! Keys as text (Z85).
//!
//! `fuzz/run keys`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::keys(data));
