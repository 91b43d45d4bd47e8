{
  "Comment": "Compares the live model with the readings of the past weeks, and says whether to train again.",
  "StartAt": "Evaluate",
  "States": {
    "Evaluate": {
      "Type": "Task",
      "Resource": "arn:${partition}:states:::lambda:invoke",
      "TimeoutSeconds": ${timeout_seconds},
      "Parameters": {
        "FunctionName": "${function_arn}",
        "Payload": {
          "job": "evaluate"
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
          "Variable": "$.summary.verdict",
          "StringEquals": "DUE",
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
      "Next": "Done"
    },
    "ReportError": {
      "Type": "Task",
      "Resource": "arn:${partition}:states:::sns:publish",
      "Parameters": {
        "TopicArn": "${topic_arn}",
        "Subject": "PetroStream: the weekly evaluation has failed",
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
      "Error": "WeeklyFailed",
      "Cause": "The reasons were published to the operations topic. Runbook: ${runbooks}/nightly-failed.md"
    }
  }
}
