const PPID_POLL_MS = 1_000;

/**
 * Calls `onGone` once when the parent that started this process with an IPC channel is gone, however it died, and
 * ends this process if it still runs `graceMs` later. Does nothing without an IPC channel.
 */
export function watchParent(onGone: () => void, graceMs = 3_000): void {
  if (process.send === undefined) return;
  const parentPid = process.ppid;
  let gone = false;
  const leave = () => {
    if (gone) return;
    gone = true;
    clearInterval(poll);
    setTimeout(() => process.exit(1), graceMs).unref();
    onGone();
  };
  process.once('disconnect', leave);
  // A parent's death closes the channel at once, unless another process keeps it open; the poll covers that case.
  const poll = setInterval(() => {
    if (process.ppid !== parentPid) leave();
  }, PPID_POLL_MS).unref();
  // The parent may have died while this process was still loading its modules.
  if (!process.connected) leave();
}
