import { z } from 'zod';

/** Who may use the API, and for what. */

export const ROLES = ['reader', 'writer', 'admin'] as const;

export const RoleSchema = z.enum(ROLES).meta({
  id: 'Role',
  description:
    'reader: looks at its own jobs. writer: also creates, cancels and deletes them. admin: everything, of all owners.',
});

export type Role = z.output<typeof RoleSchema>;

/** Whether a role includes another: an admin may do what a writer may, a writer what a reader may. */
export const includesRole = (role: Role, needed: Role): boolean =>
  ROLES.indexOf(role) >= ROLES.indexOf(needed);

/** What an operation needs: nothing, or at least a role. */
export type Access = 'public' | Role;

export const OWNER_RULE = '1 to 64 characters: a lowercase letter or digit, then also ., _ and -';

/** No colon, which separates an owner from what follows it in Redis. */
export const OwnerSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, { error: OWNER_RULE })
  .meta({ id: 'Owner', description: 'Who a job belongs to.', examples: ['alice'] });

/** The owner of everything where there are no keys (AUTH=none). */
export const LOCAL_OWNER = 'local';

export const KEY_NAME_RULE = '1 to 64 letters, digits, blanks, ., _ and -';

export const KeyNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, { error: KEY_NAME_RULE });

/** The text of an API key: dsc_<id>_<secret><checksum>. store/api-key-text.ts makes and reads it. */
export const ApiKeyTextSchema = z
  .string()
  .min(1)
  .max(200)
  .meta({ id: 'ApiKey', description: 'An API key, as `keys create` printed it.' });

export const LoginSchema = z.strictObject({ key: ApiKeyTextSchema }).meta({ id: 'Login' });

export const CallerSchema = z
  .strictObject({
    object: z.literal('caller'),
    owner: OwnerSchema,
    role: RoleSchema,
    key: z
      .strictObject({
        id: z.string(),
        name: z.string(),
        expires_at: z.string().meta({ format: 'date-time' }).nullable(),
      })
      .nullable()
      .meta({
        description: 'The key of the request or its session; null where no keys are needed (AUTH=none).',
      }),
  })
  .meta({ id: 'Caller', description: 'Who you are to this server, and what you may do.' });

const UseSchema = z
  .strictObject({
    used: z.number().gte(0),
    limit: z.number().gte(0).nullable().meta({ description: 'null = no limit.' }),
  })
  .meta({ id: 'Use' });

export const MeSchema = CallerSchema.extend({
  use: z
    .strictObject({
      queued: UseSchema.meta({ description: 'Queued and paused jobs.' }),
      running: UseSchema.meta({
        description:
          'Where the operator sets no number, an owner may run as many jobs as all workers together; that is null here.',
      }),
      storage_bytes: UseSchema.meta({ description: 'Files of finished jobs; up to a minute old.' }),
      dataset_bytes: UseSchema.meta({ description: 'The prepared rows of uploaded datasets.' }),
      requests_this_minute: UseSchema.meta({ description: 'To the API process that answers.' }),
      streams: UseSchema.meta({ description: 'Event streams open to the API process that answers.' }),
    })
    .meta({ id: 'OwnerUse', description: 'What your owner uses, and may use.' }),
}).meta({ id: 'Me' });

export type OwnerUse = z.output<typeof MeSchema>['use'];
