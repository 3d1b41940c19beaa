//! Log lines and their events.

use super::*;
use crate::story::log_record::log_record;

fn parse(component: &str, text: &str) -> Option<Event> {
    event(&log_record(&format!("dnsmasq{component}: {text}"))?)
}

const MAC: &str = "52:54:00:12:34:56";

#[test]
fn lines_of_dnsmasq_are_parsed_into_events() {
    let ip: IpAddr = [10, 0, 0, 9].into();
    let mac = || MAC.to_owned();
    let dhcp = |text: &str| parse("-dhcp", text);
    let answered = Event::Answered { mac: mac(), port: None, architecture: None, outcome: None };
    assert_eq!(dhcp("PXE(eth0) 52:54:00:12:34:56 proxy"), Some(answered.clone()));
    let in_transaction = Event::InTransaction { xid: 7, event: Box::new(answered) };
    assert_eq!(dhcp("7 PXE(eth0) 52:54:00:12:34:56 proxy"), Some(in_transaction));
    let chosen = Event::Chosen { mac: mac(), ip, file: "a b.0".into() };
    assert_eq!(dhcp("PXE(eth0) 10.0.0.9 52:54:00:12:34:56 a b.0"), Some(chosen));
    let detail = Detail::VendorClass(true, Some(Architecture(7)));
    let seen = Event::Detail { xid: 7, detail };
    assert_eq!(dhcp("7 vendor class: PXEClient:Arch:00007:UNDI:003016"), Some(seen));
    assert_eq!(
        dhcp("DHCPACK(eth0) 10.0.0.9 52:54:00:12:34:56 pc"),
        Some(Event::Assigned {
            mac: mac(),
            ip,
            message: "DHCPACK".into(),
            name: Some("pc".into())
        })
    );
    let tftp = |text: &str| parse("-tftp", text);
    let path = || "/srv/a to b".to_owned();
    assert_eq!(tftp("sent /srv/a to b to 10.0.0.9"), Some(Event::Sent { ip, path: path() }));
    let refused = |ip| Event::Refused { ip, path: path(), reason: RefusalReason::NotFound };
    assert_eq!(tftp("file /srv/a to b not found for 10.0.0.9"), Some(refused(Some(ip))));
    assert_eq!(tftp("file /srv/a to b not found"), Some(refused(None)));
    let error = Event::ClientError { ip, text: "8 User aborted the transfer".into() };
    assert_eq!(tftp("error 8 User aborted the transfer received from 10.0.0.9"), Some(error));
    for root in ["/srv/my files  ", "/srv/my files secure mode single port mode"] {
        let event = tftp(&format!("TFTP root is {root}"));
        assert_eq!(
            event,
            Some(Event::Server(ServerEvent::TftpEnabled(Some("/srv/my files".into()))))
        );
    }
    assert_eq!(
        tftp("failed sending /srv/a to b to 10.0.0.9"),
        Some(Event::Failed { ip, path: path() })
    );
    assert_eq!(tftp("something else"), None);
}
