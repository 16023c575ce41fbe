import { describe, expect, test } from '@jest/globals';
import { type Image, weftImage } from '../../schema/image.ts';
import { compileImage } from '../../testing/compile-image.ts';
import { documentedAnswers, faultsOfDocument } from '../../testing/openapi-check.ts';
import { readBindings } from '../rest/bindings.ts';
import { readResources } from '../rest/resources.ts';
import { type OpenApiOptions, openApiDocument } from './document.ts';

/** Every kind of field, path and stream. */
const contract = `
syntax = "proto3";
package lib.v1;
import "google/api/annotations.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "weft/v1/options.proto";
service ShelvesService {
  rpc Get(Find) returns (Everything) { option (google.api.http) = { get: "/v1/{name=shelves/*}" }; }
  rpc Put(Change) returns (google.protobuf.Empty) {
    option (google.api.http) = { put: "/v1/{everything.text=shelves/*}" body: "everything" };
  }
  rpc Move(Everything) returns (Everything) {
    option (google.api.http) = { post: "/v1/{text=shelves/*/books/*}:move" body: "*" };
  }
  rpc Read(Find) returns (stream Everything) { option (google.api.http) = { get: "/files/{name=**}" }; }
  rpc Add(stream Everything) returns (Everything) { option (google.api.http) = { post: "/v1/all" body: "*" }; }
}
// Books on shelves.
service BooksService {
  rpc Get(Find) returns (Everything) { option (google.api.http) = { get: "/v1/books/*/{name}" }; }
  rpc Delete(Find) returns (google.protobuf.Empty) {
    option (google.api.http) = { delete: "/v1/books/{filter}/{name}" };
  }
}
enum Kind { KIND_UNSPECIFIED = 0; KIND_NOVEL = 1; }
message Find { string name = 1 [(weft.v1.rules) = {required: true}]; string filter = 2; google.protobuf.Struct extra = 3; Kind kind = 4; }
message Change { Everything everything = 1 [(weft.v1.rules) = {required: true}]; bool dry_run = 2; }
message Everything {
  string text = 1 [(weft.v1.rules) = {required: true}];
  bytes raw = 2; double rate = 3; uint64 large = 4; sint32 small = 5; bool yes = 6; Kind kind = 7;
  map<string, Everything> inner = 8; repeated Kind kinds = 9;
  google.protobuf.Timestamp at = 10; google.protobuf.Duration within = 11; google.protobuf.FieldMask mask = 12;
  google.protobuf.Any any = 13; google.protobuf.Struct extra = 14; google.protobuf.Value value = 15;
  google.protobuf.ListValue list = 16; google.protobuf.NullValue nothing = 17;
  google.protobuf.UInt64Value most = 18; google.protobuf.DoubleValue half = 19; google.protobuf.BytesValue wrapped = 20;
  oneof choice { string this = 21; int64 that = 22; }
}
`;

type Document = Readonly<Record<string, unknown>>;

function documentOf(image: Image, more: Partial<OpenApiOptions> = {}): Document {
  const bindings = readBindings(image);
  const resources = readResources(image, bindings);
  return openApiDocument({ image, bindings, resources, ...more });
}

describe('the document of every contract of this house', () => {
  test.each(['none', 'optional', 'required'] as const)(
    'is OpenAPI 3.1, tokens: %s',
    async (tokens) => {
      const document = documentOf(weftImage(), { tokens, keepsAnswers: true });
      expect(faultsOfDocument(document)).toBeUndefined();
      expect(documentedAnswers(document).operations.length).toBeGreaterThan(8);
    },
  );

  test('the judge finds what is wrong', () => {
    const document = documentOf(weftImage());
    expect(faultsOfDocument({ ...document, info: { title: 'no version' } })).toBeDefined();
    const components = { schemas: { bad: { type: 'text' } } };
    expect(faultsOfDocument({ ...document, components })).toBeDefined();
  });
});

describe('a contract with all that there is', () => {
  const document = documentOf(compileImage({ 'lib/v1/lib.proto': contract }));
  const answers = documentedAnswers(document);

  test('is OpenAPI 3.1, and each schema in it is understood', () => {
    expect(faultsOfDocument(document)).toBeUndefined();
    const { schemas } = document['components'] as { schemas: Record<string, object> };
    expect(Object.keys(schemas)).not.toContain('google.protobuf.Value');
  });

  test('paths have one segment a parameter, and one name for what is at one place', () => {
    expect(answers.operations).toEqual([
      'GET /v1/shelves/{name}',
      'PUT /v1/shelves/{name}',
      'POST /v1/shelves/{text_1}/books/{text_2}:move',
      'GET /files/{name}',
      'POST /v1/all',
      'GET /v1/books/{segment1}/{name}',
      'DELETE /v1/books/{segment1}/{name}',
    ]);
  });

  test('operations of two services are told apart', () => {
    const ids = JSON.stringify(document).match(/(?<="operationId":")\w+/g);
    expect(ids).toContain('ShelvesService_Get');
    expect(ids).toContain('BooksService_Get');
    expect(new Set(ids).size).toBe(ids?.length);
    expect(document['tags']).toEqual([
      { name: 'lib.v1.ShelvesService' },
      { name: 'lib.v1.BooksService', description: 'Books on shelves.' },
    ]);
  });

  test('what the path says is not asked for in the body', () => {
    const put = 'PUT /v1/shelves/{name}';
    expect(answers.requestFaults(put, { rate: 4 })).toBeUndefined();
    expect(answers.requestFaults(put, { rate: 'high' })).toBeDefined();
    const move = 'POST /v1/shelves/{text_1}/books/{text_2}:move';
    expect(answers.requestFaults(move, {})).toBeUndefined();
  });

  test('what is no text is no parameter', () => {
    const paths = document['paths'] as Record<string, { get: { parameters: { name: string }[] } }>;
    const names = paths['/v1/shelves/{name}']?.get.parameters.map(({ name }) => name);
    expect(names).toEqual(['name', 'filter', 'kind', undefined]);
  });
});
