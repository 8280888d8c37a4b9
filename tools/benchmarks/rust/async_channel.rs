// What the channels of smol and async-std have in common: both are those of the crate async-channel. Needs the names
// Look, Receiver and TryRecvError.
async fn next_of<T>(receiver: &mut Receiver<T>) -> Option<T> {
    receiver.recv().await.ok()
}

fn look<T>(receiver: &mut Receiver<T>) -> Look<T> {
    match receiver.try_recv() {
        Ok(value) => Look::Value(value),
        Err(TryRecvError::Empty) => Look::Nothing,
        Err(TryRecvError::Closed) => Look::Closed,
    }
}
