// Hello from a runtime on each core that the process may use. Tokio pins no thread: the kernel decides where they run.
use std::thread;
use tokio::runtime::Builder;

async fn hello(number: usize, count: usize) {
    println!("Hello from runtime {number} of {count}");
}

fn main() -> std::io::Result<()> {
    let count = thread::available_parallelism()?.get();
    let threads: Vec<_> = (0..count)
        .map(|number| {
            thread::spawn(move || -> std::io::Result<()> {
                Builder::new_current_thread().build()?.block_on(hello(number, count));
                Ok(())
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("a runtime has panicked")?;
    }
    Ok(())
}
