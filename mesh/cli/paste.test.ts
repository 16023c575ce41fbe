import { expect, test } from '@jest/globals';
import { pasteable, withWeft } from './paste.ts';

test('calls to paste survive a shell, whatever the request holds', () => {
  const example = { title: '', service: 'a', method: 'a.v1.A/Do', body: { name: "it's $HOME" } };
  expect(pasteable(example, '127.0.0.1:1')).toEqual([
    `grpcurl -plaintext -d '{"name":"it'\\''s $HOME"}' 127.0.0.1:1 a.v1.A/Do`,
    `npx buf curl --protocol grpc --http2-prior-knowledge -d '{"name":"it'\\''s $HOME"}' http://127.0.0.1:1/a.v1.A/Do`,
  ]);
  expect(withWeft(example)).toBe(`npx weft call a.v1.A/Do '{"name":"it'\\''s $HOME"}'`);
});
