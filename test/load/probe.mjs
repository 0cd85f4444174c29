/**
 * Loaded into a measured process ahead of its program (`--import`): tells over IPC how much CPU time the process has used,
 * and ends it with its parent.
 */
process.on('message', (message) => {
  if (message !== 'cpu') return;
  const { user, system } = process.cpuUsage();
  process.send({ cpuMicros: user + system });
});
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
