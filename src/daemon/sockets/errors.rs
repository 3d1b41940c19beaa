//! The sockets for errors of TFTP requests that begin no transfer.
//!
//! dnsmasq opens a socket for each request, also if it only sends an error. Here some sockets are kept and used in turn: most
//! requests of a client that searches for its configuration get an error.

use crate::net::Datagram;
use crate::sys::reply_batch::{self, Reply};
use crate::sys::udp::{self, SendAddress};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// Sockets of both families. They have ports that the kernel chose, as those of transfers.
#[derive(Default)]
pub struct ErrorSockets {
    ipv4: SocketRing,
    ipv6: SocketRing,
}

/// Sockets of one family that are used in turn. One is opened with each of the first calls, so that errors of one client come
/// from different ports, as with dnsmasq.
#[derive(Default)]
struct SocketRing {
    open: Vec<OwnedFd>,
    next: usize,
}

/// Sockets of one family.
const MAX_SOCKETS: usize = 16;

impl SocketRing {
    fn next(&mut self, to: SocketAddr) -> io::Result<&OwnedFd> {
        if self.open.len() < MAX_SOCKETS {
            match udp::open_errors(to) {
                Ok(fd) => {
                    self.open.push(fd);
                    self.next = self.open.len() - 1;
                }
                // There is no free descriptor now.
                Err(error) if self.open.is_empty() => return Err(error),
                Err(_) => {}
            }
        }
        let index = self.next % self.open.len();
        self.next = index + 1;
        Ok(&self.open[index])
    }
}

impl ErrorSockets {
    /// Sends errors, those to one client in their order. Those that cannot be sent are dropped. The next call tries to open a
    /// socket again if there is no free descriptor now.
    pub fn send(&mut self, errors: &[Datagram]) {
        match errors {
            [] => {}
            [single] => _ = self.send_one(single),
            several => self.send_several(several),
        }
    }

    fn send_several(&mut self, errors: &[Datagram]) {
        let ipv4: Vec<Reply<'_>> = errors
            .iter()
            .filter_map(|error| match error.to {
                SocketAddr::V4(to) => Some(Reply::new(error, to)),
                SocketAddr::V6(_) => None,
            })
            .collect();
        if let Some(first) = ipv4.first()
            && let Ok(fd) = self.socket(first.to.into())
        {
            reply_batch::send_replies(fd, &ipv4, |_, _| {});
        }
        for error in errors.iter().filter(|error| error.to.is_ipv6()) {
            let _ = self.send_one(error);
        }
    }

    fn send_one(
        &mut self,
        Datagram { bytes, to, from, interface, .. }: &Datagram,
    ) -> io::Result<()> {
        let way = SendAddress { to: *to, from: *from, interface: *interface };
        udp::send(self.socket(*to)?, bytes, way)
    }

    fn socket(&mut self, to: SocketAddr) -> io::Result<&OwnedFd> {
        let ring = if to.is_ipv4() { &mut self.ipv4 } else { &mut self.ipv6 };
        ring.next(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::EgressSocket;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

    fn client(ip: impl Into<IpAddr>) -> Option<UdpSocket> {
        let client = UdpSocket::bind((ip.into(), 0)).ok()?;
        client.set_nonblocking(true).unwrap();
        Some(client)
    }

    fn error_to(client: &UdpSocket, bytes: &[u8]) -> Datagram {
        let (via, to) = (EgressSocket::TftpErrors, client.local_addr().unwrap());
        Datagram { via, to, from: None, interface: 0, neighbour: None, bytes: bytes.to_vec() }
    }

    fn received(client: &UdpSocket) -> Vec<(Vec<u8>, SocketAddr)> {
        let mut buffer = [0; 100];
        let next = || {
            client.recv_from(&mut buffer).ok().map(|(size, from)| (buffer[..size].to_vec(), from))
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn errors_of_one_call_leave_in_order_from_one_port_and_those_of_the_next_from_another() {
        let (one, other) =
            (client(Ipv4Addr::LOCALHOST).unwrap(), client(Ipv4Addr::LOCALHOST).unwrap());
        let ipv6 = client(Ipv6Addr::LOCALHOST);
        let mut errors = vec![error_to(&one, b"1"), error_to(&other, b"2"), error_to(&one, b"3")];
        errors.extend(ipv6.as_ref().map(|ipv6| error_to(ipv6, b"4")));
        errors.push(error_to(&other, b"5"));
        let mut sockets = ErrorSockets::default();
        sockets.send(&errors);
        sockets.send(&errors[..1]);
        sockets.send(&[]);
        let texts = |client| received(client).into_iter().map(|(text, _)| text).collect::<Vec<_>>();
        let port = received(&other)[0].1.port();
        sockets.send(&errors[1..2]);
        assert_ne!(received(&other)[0].1.port(), port);
        for _ in 0..2 * MAX_SOCKETS {
            sockets.send(&errors[1..2]);
        }
        let ports: std::collections::BTreeSet<u16> =
            received(&other).iter().map(|(_, from)| from.port()).collect();
        assert_eq!((ports.len(), ports.contains(&port)), (MAX_SOCKETS, true));
        assert_eq!(texts(&one), [b"1", b"3", b"1"]);
        if let Some(ipv6) = ipv6 {
            assert_eq!(texts(&ipv6), [b"4"]);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn error_that_cannot_be_sent_does_not_stop_the_others() {
        let client = client(Ipv4Addr::LOCALHOST).unwrap();
        // There is no interface with this index.
        let bad = Datagram { interface: 0x7fff_ffff, ..error_to(&client, b"lost") };
        ErrorSockets::default().send(&[
            bad.clone(),
            error_to(&client, b"1"),
            bad,
            error_to(&client, b"2"),
        ]);
        assert_eq!(received(&client).len(), 2);
    }
}
