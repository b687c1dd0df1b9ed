import { type Config, loadConfig, SETTING_NAMES } from './config.ts';
import { ConfigError } from './config-error.ts';
import { type EnvFile, readEnvFile } from './env-file.ts';
import { likelySetting } from './setting-names.ts';

/** The first thing each entry does: read settings from the environment and a `.env` file in the working directory. */

const FILE = '.env';

/** Set for children of a parent that has read the file: they use its settings and do not repeat its warnings. */
export const SETTINGS_ARE_READ = 'DESCENT_SETTINGS_ARE_READ';

/** Names in the file that are meant for other programs. */
const OF_OTHERS = /^(COMPOSE_|DOCKER_|NODE_|TZ$|NO_COLOR$)/;

export interface LoadedSettings {
  config: Config;
  /** Warnings about the settings, each a sentence. */
  warnings: string[];
}

/**
 * Reads all settings. Names that only the file sets are added to `env`, for child processes.
 * @throws {ConfigError}
 */
export function loadSettings(env: Record<string, string | undefined>): LoadedSettings {
  if (env[SETTINGS_ARE_READ] !== undefined) return { config: loadConfig(env), warnings: [] };
  const file: EnvFile = readEnvFile(FILE) ?? new Map();
  const warnings = [...checkEnvironment(env), ...checkFile(file)];
  const fromFile = [...file.keys()].filter((name) => env[name] === undefined);
  for (const name of fromFile) env[name] = file.get(name)!.value;
  try {
    return { config: loadConfig(env, (name) => (fromFile.includes(name) ? ` (in ${FILE})` : '')), warnings };
  } catch (error) {
    // A misspelt name may be the cause.
    if (error instanceof ConfigError) throw new ConfigError([error.message, ...warnings].join('\n'));
    throw error;
  }
}

/** @throws {ConfigError} for misspelt names: in a settings file, they are certainly mistakes. */
function checkFile(file: EnvFile): string[] {
  const misspelt: string[] = [];
  const unknown: string[] = [];
  const warnings: string[] = [];
  for (const [name, { lines }] of file) {
    const likely = likelySetting(name, SETTING_NAMES);
    if (likely !== undefined)
      misspelt.push(`line ${lines[0]}: ${name} is not a setting; did you mean ${likely}?`);
    else if (!SETTING_NAMES.includes(name)) unknown.push(name);
    else if (lines.length > 1) {
      warnings.push(`${FILE} sets ${name} in lines ${lines.join(' and ')}; the last one counts.`);
    }
  }
  if (misspelt.length > 0) throw new ConfigError(`Wrong names in ${FILE}:\n  ${misspelt.join('\n  ')}`);
  const foreign = unknown.filter((name) => !OF_OTHERS.test(name));
  if (foreign.length > 0)
    warnings.push(`${FILE} sets names that Descent does not know: ${foreign.join(', ')}.`);
  return warnings;
}

/** Only warns: the environment also belongs to other programs. */
function checkEnvironment(env: Record<string, string | undefined>): string[] {
  return Object.keys(env).flatMap((name) => {
    const likely = likelySetting(name, SETTING_NAMES);
    if (likely === undefined || env[name] === '') return [];
    return [`The environment has ${name}, which is not a setting; did you mean ${likely}?`];
  });
}
