import { expect, test } from '@jest/globals';
import { PrepareDish } from '../../gen/bistro/kitchen/v1/messages.ts';
import { weftImage } from '../schema/image.ts';
import { toHeaders } from './envelope.ts';
import { bytesOf, type Received, receive } from './received.ts';

const dish = { orderId: 'order-1', table: 'three', dish: 'soup' };
const envelope = {
  ...{ id: '7', type: PrepareDish.$type, source: 'foreign', timeMs: 1_700_000_000_000 },
  ...{ key: 'three', correlationId: 'c-1', expiresMs: 1_800_000_000_000 },
};
const event = {
  ...{ specversion: '1.0', id: '7', type: PrepareDish.$type, source: 'foreign' },
  ...{ time: '2023-11-14T22:13:20Z', partitionkey: 'three', correlationid: 'c-1' },
  expirytime: '2027-01-15T08:00:00Z',
};
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const structured = (value: unknown): Received =>
  receive({
    headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
    data: json(value),
  });
const read = ({ body }: Received): PrepareDish =>
  PrepareDish.decode(bytesOf(body, PrepareDish.$type, weftImage()));

test('a CloudEvent in structured mode is read as one in binary mode', () => {
  const received = structured({
    ...event,
    data: { order_id: 'order-1', table: 'three', dish: 'soup' },
  });
  expect(received.envelope).toEqual(envelope);
  expect(read(received)).toEqual(dish);
});

test('its data may be protobuf in base64', () => {
  const data_base64 = Buffer.from(PrepareDish.encode(dish).finish()).toString('base64');
  const datacontenttype = 'application/protobuf';
  expect(read(structured({ ...event, datacontenttype, data_base64 }))).toEqual(dish);
});

test('a body in JSON is read by the schema; what the schema does not know is passed over', () => {
  const headers = { ...toHeaders(envelope), 'content-type': 'application/json' };
  const received = receive({ headers, data: json({ ...dish, spice: 'much' }) });
  expect(received.envelope).toEqual(envelope);
  expect(read(received)).toEqual(dish);
});

test('what the JSON has of a wrong type is refused with its field', () => {
  const headers = { ...toHeaders(envelope), 'content-type': 'application/json' };
  const received = receive({ headers, data: json({ dish: 7 }) });
  expect(() => read(received)).toThrow(/the JSON is no bistro.kitchen.v1.PrepareDish: .*dish/);
});

test.each([
  ['no JSON', Buffer.from('{')],
  ['no object', json(null)],
  ['nothing that says what it is', json({ data: dish })],
])('a structured event that is %s has no envelope', (_, data) => {
  const headers = { 'content-type': 'application/cloudevents+json' };
  expect(receive({ headers, data }).envelope).toBeUndefined();
});
