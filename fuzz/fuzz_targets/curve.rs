//! Both sides of CURVE.
//!
//! `fuzz/run curve`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::curve(data));
