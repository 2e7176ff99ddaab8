//! Subscriptions that come and go.
//!
//! `fuzz/run socks`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::socks(data));
