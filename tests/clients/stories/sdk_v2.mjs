// What is particular to aws-sdk 2, the former SDK; see story.mjs.
import assert from "node:assert/strict";

export const name = "aws-sdk";

export function open(aws) {
  assert.match(aws.VERSION, /^2\./);
  const client = new aws.LookoutVision({ endpoint: process.env.AWS_ENDPOINT_URL_LOOKOUTVISION });
  const send = (operation, parameters) => client[operation[0].toLowerCase() + operation.slice(1)](parameters).promise();
  return {
    send,

    async pages(operation, parameters, MaxResults) {
      const found = [];
      for (let NextToken; ; ) {
        found.push(await send(operation, { ...parameters, MaxResults, NextToken }));
        if (!(NextToken = found.at(-1).NextToken)) return found;
      }
    },

    checkRefusal(problem, code, status) {
      assert.equal(problem.code, code, `${problem}`);
      assert.equal(problem.statusCode, status);
      assert.ok(problem.requestId);
    },

    ownForm: (bytes) => new Uint8Array(bytes),
  };
}
