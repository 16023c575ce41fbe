import { fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { MeshError } from '../../kernel/error.ts';
import type { Image } from '../../schema/image.ts';
import { compileImage } from '../../testing/compile-image.ts';
import { readBindings } from './bindings.ts';
import { readRequest } from './read-request.ts';
import { createRouter, type Router } from './router.ts';

/** Every kind of field, in every place in which a request may say it. */
const contract = `
syntax = "proto3";
package lib.v1;
import "google/api/annotations.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
service LibraryService {
  rpc Find(FindRequest) returns (FindRequest) {
    option (google.api.http) = {
      get: "/v1/{name=shelves/*}/books"
      additional_bindings { get: "/v1/books/{filter.author}" }
    };
  }
  rpc Change(ChangeRequest) returns (ChangeRequest) {
    option (google.api.http) = {
      patch: "/v1/{book.name=shelves/*/books/*}"
      body: "book"
      additional_bindings { post: "/v1/{book.name=shelves/*/books/*}:change" body: "*" }
    };
  }
}
enum Kind { KIND_UNSPECIFIED = 0; KIND_NOVEL = 1; KIND_POEM = 2; }
message Filter { string author = 1; repeated Kind kinds = 2; Range pages = 3; }
message Range { int32 least = 1; int64 most = 2; }
message FindRequest {
  string name = 1;
  Filter filter = 2;
  repeated string words = 3;
  bool lent = 4;
  google.protobuf.Timestamp since = 5;
  google.protobuf.Duration within = 6;
  google.protobuf.FieldMask read_mask = 7;
  google.protobuf.Int32Value page_size = 8;
  double rating = 9;
  bytes token = 10;
  map<string, string> labels = 11;
}
message ChangeRequest { Book book = 1; bool dry_run = 2; }
message Book { string name = 1; string title = 2; repeated Range parts = 3; }
`;

let image: Image;
let router: Router;
beforeAll(() => {
  image = compileImage({ 'lib/v1/lib.proto': contract });
  router = createRouter(readBindings(image));
});

/** The message that a request stands for, as JSON. */
function asked(verb: string, target: string, body?: object): unknown {
  const url = new URL(target, 'http://edge');
  const found = router.find(verb, url);
  if (found === undefined) throw new Error(`nothing at ${target}`);
  const { input } = found.binding.method;
  const parts = { ...found, query: url.searchParams, body: body as never };
  const bytes = toBinary(input, readRequest(image, parts));
  return toJson(input, fromBinary(input, bytes));
}

function faultsOf(...request: Parameters<typeof asked>): string[] {
  try {
    asked(...request);
  } catch (thrown) {
    return (MeshError.from(thrown).details.violations ?? []).map(({ field }) => field);
  }
  return [];
}

describe('a request becomes its message', () => {
  test('from path and query: nested, repeated, enums by name and number, and what JSON writes as text', () => {
    const query = [
      'filter.author=Ada&filter.kinds=KIND_NOVEL&filter.kinds=2&filter.pages.most=9007199254740993',
      'words=a&words=b%20c&lent=true&since=2026-01-02T03:04:05Z&within=1.5s',
      'readMask=title,parts&page_size=7&rating=4.5&token=+/8=',
    ].join('&');
    expect(asked('GET', `/v1/shelves/7/books?${query}`)).toEqual({
      name: 'shelves/7',
      filter: {
        ...{ author: 'Ada', kinds: ['KIND_NOVEL', 'KIND_POEM'] },
        pages: { most: '9007199254740993' },
      },
      ...{ words: ['a', 'b c'], lent: true, since: '2026-01-02T03:04:05Z', within: '1.500s' },
      ...{ readMask: 'title,parts', pageSize: 7, rating: 4.5, token: '+/8=' },
    });
  });

  test('from a path that names a field of a field', () => {
    expect(asked('GET', '/v1/books/Ada')).toEqual({ filter: { author: 'Ada' } });
  });

  test('from a body that is one field, with the rest in the query; the path has the last word', () => {
    const body = { name: 'elsewhere', title: 'Notes', parts: [{ least: 1 }] };
    expect(asked('PATCH', '/v1/shelves/7/books/9?dry_run=true', body)).toEqual({
      book: { name: 'shelves/7/books/9', title: 'Notes', parts: [{ least: 1 }] },
      dryRun: true,
    });
  });

  test('from a body that is all of it, under names of the contract or of JSON', () => {
    const body = { book: { title: 'Notes' }, dry_run: true };
    const message = { book: { name: 'shelves/7/books/9', title: 'Notes' }, dryRun: true };
    expect(asked('POST', '/v1/shelves/7/books/9:change', body)).toEqual(message);
    expect(asked('POST', '/v1/shelves/7/books/9?action=change', body)).toEqual(message);
  });

  test('what a newer client knows is passed over', () => {
    const body = { book: { title: 'Notes', colour: 'red' } };
    expect(asked('POST', '/v1/shelves/7/books/9:change', body)).toHaveProperty('book.title');
  });
});

describe('a request that cannot be meant names its field', () => {
  test.each([
    ['/v1/shelves/7/books?lent=yes', 'lent'],
    ['/v1/shelves/7/books?filter.pages.least=1.5', 'filter.pages.least'],
    ['/v1/shelves/7/books?filter.kinds=KIND_NOVEL&filter.kinds=PLAY', 'filter.kinds[1]'],
    ['/v1/shelves/7/books?since=yesterday', 'since'],
    ['/v1/shelves/7/books?page_size=many', 'page_size'],
    ['/v1/shelves/7/books?wordz=a', 'wordz'],
    ['/v1/shelves/7/books?filter=a', 'filter'],
    ['/v1/shelves/7/books?labels=a', 'labels'],
    ['/v1/shelves/7/books?lent=true&lent=false', 'lent'],
  ])('%s: %s', (target, field) => {
    expect(faultsOf('GET', target)).toEqual([field]);
  });

  test('and so does a parameter that only the body may say', () => {
    expect(faultsOf('PATCH', '/v1/shelves/7/books/9?book.title=a', {})).toEqual(['book.title']);
    expect(faultsOf('POST', '/v1/shelves/7/books/9:change?dry_run=true', {})).toEqual(['dry_run']);
  });

  test('in a body, however deep it stands', () => {
    const parts = [{ least: 1 }, { least: 2, most: 'many' }];
    expect(faultsOf('PATCH', '/v1/shelves/7/books/9', { parts })).toEqual(['book.parts[1].most']);
    expect(faultsOf('PATCH', '/v1/shelves/7/books/9', { title: 7 })).toEqual(['book.title']);
    expect(faultsOf('POST', '/v1/shelves/7/books/9:change', [])).toEqual(['']);
  });
});

describe('a contract that cannot be meant is refused, with all its faults', () => {
  test('fields that are not there, and two methods at one address', () => {
    const broken = compileImage({
      'bad/v1/bad.proto': `
syntax = "proto3";
package bad.v1;
import "google/api/annotations.proto";
service BadService {
  rpc A(M) returns (M) { option (google.api.http) = { get: "/v1/{nothing}" }; }
  rpc B(M) returns (M) { option (google.api.http) = { post: "/v1/b/{id}" body: "nobody" }; }
  rpc C(M) returns (M) { option (google.api.http) = { get: "/v1/c/{id}" }; }
  rpc D(M) returns (M) { option (google.api.http) = { get: "/v1/c/{name}" }; }
}
message M { string id = 1; string name = 2; }
`,
    });
    expect(() => readBindings(broken)).toThrow(
      /A: bad.v1.M has no nothing; .*B: bad.v1.M has no nobody; .*D: GET \/v1\/c\/\{name\} is bad.v1.BadService\/C already/,
    );
  });
});
