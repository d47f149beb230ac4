//! Networks of a CT without an init that would bring them up: LXC does it, by lines after Proxmox's.

use super::Wishes;
use crate::LxcConfig;
use crate::lxc_config::BadValue;

/// Appends what brings the networks up and gives them their fixed addresses. What Proxmox manages
/// itself (`host-managed`) it addresses itself.
pub(super) fn lines(wishes: &Wishes, include: &mut LxcConfig) -> Result<(), BadValue> {
    for (number, network) in wishes.networks() {
        let is_set =
            |name: &str| network.get(name).is_some_and(|value| pve_schema::boolean(value) == Some("1"));
        if is_set("link_down") {
            continue;
        }
        let mut line = |name: &str, value: &str| include.push(&format!("lxc.net.{number}.{name}"), value);
        line("flags", "up")?;
        if is_set("host-managed") {
            continue;
        }
        for (ip, gateway, lxc) in [("ip", "gw", "ipv4"), ("ip6", "gw6", "ipv6")] {
            let address = network.get(ip).filter(|address| address.contains('/'));
            let Some(address) = address else { continue };
            line(&format!("{lxc}.address"), address)?;
            if let Some(gateway) = network.get(gateway) {
                line(&format!("{lxc}.gateway"), gateway)?;
            }
        }
    }
    Ok(())
}
