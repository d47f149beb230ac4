//! Network lines, one group per `netN`.

use super::{Host, Line};
use crate::conf::Section;
use crate::failure::Failure;
use crate::vmid::Vmid;
use pve_schema::{Kind, conf_option};

pub(super) fn lines(vmid: Vmid, conf: &Section, host: &dyn Host) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for n in 0..32 {
        let key = format!("net{n}");
        let Some(text) = conf.get(&key) else { continue };
        let Some(Kind::List(list)) = conf_option(&key) else { continue };
        let values = list.parse(text, None).map_err(Failure::died)?;
        if let Some(bridge) = values.get("bridge").filter(|bridge| !host.bridge_exists(bridge)) {
            return Err(Failure::missing(format!("bridge '{bridge}' does not exist")));
        }
        let mut line = |name: &str, value: &str| lines.push(Line::new(&format!("lxc.net.{n}.{name}"), value));
        line("type", "veth");
        line("veth.pair", &format!("veth{vmid}i{n}"));
        if let Some(address) = values.get("hwaddr") {
            line("hwaddr", address);
        }
        line("name", values.get("name").map_or("", String::as_str));
        line("mtu", values.get("mtu").map_or("1500", String::as_str));
        line("script.up", "/usr/share/lxc/lxcnetaddbr");
    }
    Ok(lines)
}
