/** The file descriptors of this process, which limit its connections. */

/** For Redis, logs, libraries, and the files of requests under way. */
const KEPT = 48;
const SHARE = 0.75;

/** @returns undefined where there is no limit. */
function descriptorLimit(): number | undefined {
  const { userLimits } = process.report.getReport() as {
    userLimits?: { open_files?: { soft: number | string } };
  };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : undefined;
}

/**
 * How many connections this process may have at a time.
 * @param wanted the setting
 * @returns at least 1; with a sentence for the operator if it is fewer than wanted
 */
export function connectionRoom(wanted: number): { connections: number; warning?: string } {
  const limit = descriptorLimit();
  if (limit === undefined) return { connections: wanted };
  const room = Math.max(1, Math.floor((limit - KEPT) * SHARE));
  if (room >= wanted) return { connections: wanted };
  return {
    connections: room,
    warning: `This process may open ${limit} files, so it takes ${room} connections at a time instead of MAX_CONNECTIONS=${wanted}. Raise the limit (ulimit -n), or set MAX_CONNECTIONS=${room}.`,
  };
}
