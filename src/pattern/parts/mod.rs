//! Small rules that patterns are composed of; each later one may use the earlier.

pub(crate) mod links;
pub(crate) mod notes;

pub(crate) mod balance;
mod blocks;
pub(crate) mod directory;
pub(crate) mod fair;
pub(crate) mod fanout;
pub(crate) mod filter;
mod holders;
pub(crate) mod ids;
mod labels;
mod manual;
mod nodes;
pub(crate) mod numbered;
pub(crate) mod radix;
pub(crate) mod room;
mod seats;
pub(crate) mod shown;
pub(crate) mod trie;
