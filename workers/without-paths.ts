/**
 * A message for clients: paths of this machine are left out. The worker's log has the whole message.
 * Node ends a failed system call with its name and path: `ENOSPC: no space left on device, open '/data/x'`.
 */
export const withoutPaths = (message: string): string =>
  message
    .replace(/,? ?\b[a-z]+ '[^']*\/[^']*'(?: -> '[^']*')?/g, '')
    .replace(/(?<![\w.])(?:file:\/\/)?(?:\/[\w.@+~-]+){2,}\/?/g, 'a file');
