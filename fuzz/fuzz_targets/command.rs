//! The bodies of commands.
//!
//! `fuzz/run command`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sinew::fuzzing::command(data));
