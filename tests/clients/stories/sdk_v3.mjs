// What is particular to @aws-sdk/client-lookoutvision; see story.mjs.
import assert from "node:assert/strict";
import { Readable } from "node:stream";

export const name = "@aws-sdk/client-lookoutvision";

export function open(aws) {
  const client = new aws.LookoutVisionClient({});
  return {
    send: (operation, parameters) => client.send(new aws[`${operation}Command`](parameters)),

    async pages(operation, parameters, pageSize) {
      const found = []; // of a copy, since paginators write their token into what they are given
      for await (const page of aws[`paginate${operation}`]({ client, pageSize }, { ...parameters })) found.push(page);
      return found;
    },

    checkRefusal(problem, code, status) {
      assert.ok(problem instanceof aws[code], `${problem}`);
      assert.ok(problem instanceof aws.LookoutVisionServiceException);
      assert.equal(problem.name, code);
      assert.equal(problem.$metadata.httpStatusCode, status);
      assert.ok(problem.$metadata.requestId);
      if (["ConflictException", "ResourceNotFoundException"].includes(code)) assert.ok(problem.ResourceType, `${problem}`);
    },

    ownForm: (bytes) => Readable.from([bytes.subarray(0, 10), bytes.subarray(10)]), // sent in chunks
  };
}
