{
  "Comment": "Compacts every day with new rows into gold, and reports on its quality. A day that fails leaves the others alone, is published, and fails the run.",
  "StartAt": "Days",
  "States": {
    "Days": {
      "Type": "Task",
      "Resource": "arn:${partition}:states:::lambda:invoke",
      "TimeoutSeconds": ${timeout_seconds},
      "Parameters": {
        "FunctionName": "${function_arn}",
        "Payload": {
          "job": "days",
          "input.$": "$"
        }
      },
      "ResultSelector": {
        "dates.$": "$.Payload.dates"
      },
      "ResultPath": "$.days",
      "Retry": [
        {
          "ErrorEquals": [
            "RequestInvalid",
            "SettingInvalid"
          ],
          "MaxAttempts": 0
        },
        {
          "ErrorEquals": [
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException"
          ],
          "IntervalSeconds": 2,
          "MaxAttempts": 6,
          "BackoffRate": 2,
          "MaxDelaySeconds": 60,
          "JitterStrategy": "FULL"
        },
        {
          "ErrorEquals": [
            "States.TaskFailed",
            "States.Timeout"
          ],
          "IntervalSeconds": 5,
          "MaxAttempts": 2,
          "BackoffRate": 2,
          "MaxDelaySeconds": 60,
          "JitterStrategy": "FULL"
        }
      ],
      "Catch": [
        {
          "ErrorEquals": [
            "States.ALL"
          ],
          "ResultPath": "$.error",
          "Next": "ReportError"
        }
      ],
      "Next": "EachDay"
    },
    "EachDay": {
      "Type": "Map",
      "ItemsPath": "$.days.dates",
      "ItemSelector": {
        "date.$": "$$.Map.Item.Value"
      },
      "MaxConcurrency": ${concurrency},
      "Label": "EachDay",
      "ItemProcessor": {
        "ProcessorConfig": {
          "Mode": "DISTRIBUTED",
          "ExecutionType": "STANDARD"
        },
        "StartAt": "Compact",
        "States": {
          "Compact": {
            "Type": "Task",
            "Resource": "arn:${partition}:states:::lambda:invoke",
            "TimeoutSeconds": ${timeout_seconds},
            "Parameters": {
              "FunctionName": "${function_arn}",
              "Payload": {
                "job": "compact",
                "date.$": "$.date",
                "views": false
              }
            },
            "ResultPath": null,
            "Retry": [
              {
                "ErrorEquals": [
                  "RequestInvalid",
                  "SettingInvalid"
                ],
                "MaxAttempts": 0
              },
              {
                "ErrorEquals": [
                  "Lambda.ServiceException",
                  "Lambda.AWSLambdaException",
                  "Lambda.SdkClientException",
                  "Lambda.TooManyRequestsException"
                ],
                "IntervalSeconds": 2,
                "MaxAttempts": 6,
                "BackoffRate": 2,
                "MaxDelaySeconds": 60,
                "JitterStrategy": "FULL"
              },
              {
                "ErrorEquals": [
                  "States.TaskFailed",
                  "States.Timeout"
                ],
                "IntervalSeconds": 5,
                "MaxAttempts": 2,
                "BackoffRate": 2,
                "MaxDelaySeconds": 60,
                "JitterStrategy": "FULL"
              }
            ],
            "Catch": [
              {
                "ErrorEquals": [
                  "States.ALL"
                ],
                "ResultPath": "$.error",
                "Next": "DayFailed"
              }
            ],
            "Next": "Quality"
          },
          "Quality": {
            "Type": "Task",
            "Resource": "arn:${partition}:states:::lambda:invoke",
            "TimeoutSeconds": ${timeout_seconds},
            "Parameters": {
              "FunctionName": "${function_arn}",
              "Payload": {
                "job": "quality",
                "date.$": "$.date"
              }
            },
            "ResultSelector": {
              "verdict.$": "$.Payload.verdict",
              "summary.$": "$.Payload.summary"
            },
            "ResultPath": "$.quality",
            "Retry": [
              {
                "ErrorEquals": [
                  "RequestInvalid",
                  "SettingInvalid"
                ],
                "MaxAttempts": 0
              },
              {
                "ErrorEquals": [
                  "Lambda.ServiceException",
                  "Lambda.AWSLambdaException",
                  "Lambda.SdkClientException",
                  "Lambda.TooManyRequestsException"
                ],
                "IntervalSeconds": 2,
                "MaxAttempts": 6,
                "BackoffRate": 2,
                "MaxDelaySeconds": 60,
                "JitterStrategy": "FULL"
              },
              {
                "ErrorEquals": [
                  "States.TaskFailed",
                  "States.Timeout"
                ],
                "IntervalSeconds": 5,
                "MaxAttempts": 2,
                "BackoffRate": 2,
                "MaxDelaySeconds": 60,
                "JitterStrategy": "FULL"
              }
            ],
            "Catch": [
              {
                "ErrorEquals": [
                  "States.ALL"
                ],
                "ResultPath": "$.error",
                "Next": "DayFailed"
              }
            ],
            "Next": "DayDone"
          },
          "DayDone": {
            "Type": "Pass",
            "Parameters": {
              "date.$": "$.date",
              "verdict.$": "$.quality.verdict",
              "summary.$": "$.quality.summary"
            },
            "End": true
          },
          "DayFailed": {
            "Type": "Pass",
            "Comment": "Other days go on; the summary names this one.",
            "Parameters": {
              "date.$": "$.date",
              "verdict": "ERROR",
              "error.$": "$.error"
            },
            "End": true
          }
        }
      },
      "ResultPath": "$.results",
      "Catch": [
        {
          "ErrorEquals": [
            "States.ALL"
          ],
          "ResultPath": "$.error",
          "Next": "ReportError"
        }
      ],
      "Next": "Keep"
    },
    "Keep": {
      "Type": "Task",
      "Resource": "arn:${partition}:states:::lambda:invoke",
      "TimeoutSeconds": ${timeout_seconds},
      "Parameters": {
        "FunctionName": "${function_arn}",
        "Payload": {
          "job": "keep"
        }
      },
      "ResultPath": null,
      "Retry": [
        {
          "ErrorEquals": [
            "RequestInvalid",
            "SettingInvalid"
          ],
          "MaxAttempts": 0
        },
        {
          "ErrorEquals": [
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException"
          ],
          "IntervalSeconds": 2,
          "MaxAttempts": 6,
          "BackoffRate": 2,
          "MaxDelaySeconds": 60,
          "JitterStrategy": "FULL"
        },
        {
          "ErrorEquals": [
            "States.TaskFailed",
            "States.Timeout"
          ],
          "IntervalSeconds": 5,
          "MaxAttempts": 2,
          "BackoffRate": 2,
          "MaxDelaySeconds": 60,
          "JitterStrategy": "FULL"
        }
      ],
      "Catch": [
        {
          "ErrorEquals": [
            "States.ALL"
          ],
          "ResultPath": "$.error",
          "Next": "ReportError"
        }
      ],
      "Next": "Summary"
    },
    "Summary": {
      "Type": "Task",
      "Resource": "arn:${partition}:states:::lambda:invoke",
      "TimeoutSeconds": ${timeout_seconds},
      "Parameters": {
        "FunctionName": "${function_arn}",
        "Payload": {
          "job": "summary",
          "of": "nightly",
          "results.$": "$.results"
        }
      },
      "ResultSelector": {
        "verdict.$": "$.Payload.verdict",
        "subject.$": "$.Payload.subject",
        "text.$": "$.Payload.text"
      },
      "ResultPath": "$.summary",
      "Retry": [
        {
          "ErrorEquals": [
            "RequestInvalid",
            "SettingInvalid"
          ],
          "MaxAttempts": 0
        },
        {
          "ErrorEquals": [
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException"
          ],
          "IntervalSeconds": 2,
          "MaxAttempts": 6,
          "BackoffRate": 2,
          "MaxDelaySeconds": 60,
          "JitterStrategy": "FULL"
        },
        {
          "ErrorEquals": [
            "States.TaskFailed",
            "States.Timeout"
          ],
          "IntervalSeconds": 5,
          "MaxAttempts": 2,
          "BackoffRate": 2,
          "MaxDelaySeconds": 60,
          "JitterStrategy": "FULL"
        }
      ],
      "Catch": [
        {
          "ErrorEquals": [
            "States.ALL"
          ],
          "ResultPath": "$.error",
          "Next": "ReportError"
        }
      ],
      "Next": "Verdict"
    },
    "Verdict": {
      "Type": "Choice",
      "Choices": [
        {
          "Or": [
            {
              "Variable": "$.summary.verdict",
              "StringEquals": "ERROR"
            },
            {
              "Variable": "$.summary.verdict",
              "StringEquals": "FAILED"
            }
          ],
          "Next": "Report"
        }
      ],
      "Default": "Done"
    },
    "Report": {
      "Type": "Task",
      "Resource": "arn:${partition}:states:::sns:publish",
      "Parameters": {
        "TopicArn": "${topic_arn}",
        "Subject.$": "$.summary.subject",
        "Message.$": "$.summary.text"
      },
      "ResultPath": null,
      "Retry": [
        {
          "ErrorEquals": [
            "States.TaskFailed"
          ],
          "IntervalSeconds": 2,
          "MaxAttempts": 4,
          "BackoffRate": 2,
          "MaxDelaySeconds": 30,
          "JitterStrategy": "FULL"
        }
      ],
      "Catch": [
        {
          "ErrorEquals": [
            "States.ALL"
          ],
          "ResultPath": "$.unsent",
          "Next": "Failed"
        }
      ],
      "Next": "Failed"
    },
    "ReportError": {
      "Type": "Task",
      "Resource": "arn:${partition}:states:::sns:publish",
      "Parameters": {
        "TopicArn": "${topic_arn}",
        "Subject": "PetroStream: the nightly run has failed",
        "Message.$": "States.JsonToString($.error)"
      },
      "ResultPath": null,
      "Retry": [
        {
          "ErrorEquals": [
            "States.TaskFailed"
          ],
          "IntervalSeconds": 2,
          "MaxAttempts": 4,
          "BackoffRate": 2,
          "MaxDelaySeconds": 30,
          "JitterStrategy": "FULL"
        }
      ],
      "Catch": [
        {
          "ErrorEquals": [
            "States.ALL"
          ],
          "ResultPath": "$.unsent",
          "Next": "Failed"
        }
      ],
      "Next": "Failed"
    },
    "Done": {
      "Type": "Succeed"
    },
    "Failed": {
      "Type": "Fail",
      "Error": "NightlyFailed",
      "Cause": "The reasons were published to the operations topic. Runbook: ${runbooks}/nightly-failed.md"
    }
  }
}
