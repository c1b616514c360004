//! The storage engine through its public interface.

mod crash;
mod damage;
mod faults;
mod local;
mod model;
mod support;
mod writes;
