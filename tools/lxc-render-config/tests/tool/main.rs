//! lxc-render-config as its users see it, and its output as LXC sees it.

mod bundle;
mod command_line;
mod corpus;
mod injection;
mod lxc;
mod rules;
