//! Tests of the machine, on a model of a chain.

mod chain;
mod checks;
mod faults;
mod interleavings;
mod lies;
mod money;
mod strangers;
mod world;
