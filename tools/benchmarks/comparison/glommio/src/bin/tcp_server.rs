// A TCP server that sends back what it gets: `tcp_server PORT`, 0 for a free one. It ends with a signal.
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use glommio::net::{TcpListener, TcpStream};
use glommio::{LocalExecutorBuilder, Placement};

async fn serves(mut connection: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let got = connection.read(&mut buffer).await?;
        if got == 0 {
            return Ok(());
        }
        connection.write_all(&buffer[..got]).await?;
    }
}

async fn accepts(port: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port to listen on");
    println!("listening on port {}", listener.local_addr().expect("its address").port());
    loop {
        let connection = listener.accept().await.expect("a connection");
        glommio::spawn_local(serves(connection)).detach(); // a task that is dropped is cancelled
    }
}

fn main() {
    let port = std::env::args().nth(1).map_or(0, |port| port.parse().expect("a port"));
    LocalExecutorBuilder::new(Placement::Unbound).make().expect("an executor").run(accepts(port));
}
