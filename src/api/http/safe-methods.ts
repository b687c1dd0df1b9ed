const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/** Whether a method only reads (RFC 9110, 9.2.1). */
export const isSafe = (method: string): boolean => SAFE_METHODS.includes(method);
