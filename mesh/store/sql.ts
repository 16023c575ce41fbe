/**
 * What services and the other rooms need of Kysely, so that nobody else imports it: the vendor stays in
 * this room.
 */
export {
  type Generated,
  type Insertable,
  type Kysely,
  type RawBuilder,
  type Selectable,
  sql,
  type Transaction,
} from 'kysely';
