//! Requests, answers and what else comes to REQ and REP.
//!
//! `fuzz/run envelopes`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::envelopes(data));
