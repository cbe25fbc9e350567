//! A port that nobody else gets.

use std::net::SocketAddr;
use tokio::net::TcpSocket;

/// A port for a service that the test starts at a known address, perhaps again after it was killed.
///
/// The port is bound and nobody listens on it: the system gives it to nobody who asks for any port, and no client gets
/// it for its own end. Who binds it by its number may listen on it, as both sides allow the address to be reused.
#[derive(Debug)]
pub struct ReservedPort {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl ReservedPort {
    /// A port of the loopback address, reserved until this is dropped.
    ///
    /// # Panics
    ///
    /// When there is none: the test cannot go on.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test that gets no port has failed")]
    pub fn take() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an address that can be reused");
        socket
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .expect("a free port");
        Self {
            address: socket.local_addr().expect("an address"),
            _socket: socket,
        }
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.address.port()
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn who_knows_the_number_may_listen_again_and_again() {
        let port = ReservedPort::take();

        for _ in 0..3 {
            let listener = TcpListener::bind(port.address()).unwrap();
            assert_eq!(listener.local_addr().unwrap(), port.address());
        }
    }

    #[test]
    fn nobody_who_asks_for_any_port_gets_it() {
        let ports: Vec<ReservedPort> = (0..200).map(|_| ReservedPort::take()).collect();
        let listeners: Vec<TcpListener> = (0..2_000)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();

        for listener in &listeners {
            let number = listener.local_addr().unwrap().port();
            assert!(ports.iter().all(|port| port.number() != number), "{number}");
        }
    }
}
