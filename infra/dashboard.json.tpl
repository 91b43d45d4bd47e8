{
  "start": "-PT3H",
  "periodOverride": "inherit",
  "widgets": [
    { "type": "text", "x": 0, "y": 0, "width": 24, "height": 2, "properties": {
      "markdown": "# PetroStream\nFrom the stream to the lake, top to bottom. Red lines are alarm thresholds. What to do when one fires: ${runbooks}/README.md"
    } },
    { "type": "metric", "x": 0, "y": 2, "width": 8, "height": 6, "properties": {
      "title": "Iterator age: how long records wait to be scored",
      "view": "timeSeries",
      "region": "${region}",
      "period": 60,
      "stacked": false,
      "metrics": [
        ["AWS/Lambda", "IteratorAge", "FunctionName", "${scoring}", {"stat": "Maximum", "label": "oldest record of a batch"}],
        ["AWS/Lambda", "IteratorAge", "FunctionName", "${raw_copy}", {"stat": "Maximum", "label": "the same, raw copy", "yAxis": "right"}]
      ],
      "yAxis": {"left": {"label": "ms", "min": 0, "showUnits": false}},
      "annotations": {"horizontal": [{"label": "alarm", "value": ${threshold_scoring_behind}}]}
    } },
    { "type": "metric", "x": 8, "y": 2, "width": 8, "height": 6, "properties": {
      "title": "Readings a second",
      "view": "timeSeries",
      "region": "${region}",
      "period": 60,
      "stacked": false,
      "metrics": [
        [{"expression": "(scored + quarantined) / PERIOD(scored)", "label": "readings", "id": "readings_rate"}],
        [{"expression": "scored / PERIOD(scored)", "label": "scored", "id": "scored_rate"}],
        [{"expression": "arriving / PERIOD(arriving)", "label": "stream records", "id": "records_rate"}],
        ["PetroStream", "ReadingsScored", "service", "${scoring}", {"stat": "Sum", "id": "scored", "visible": false}],
        ["PetroStream", "ReadingsQuarantined", "service", "${scoring}", {"stat": "Sum", "id": "quarantined", "visible": false}],
        ["AWS/Kinesis", "IncomingRecords", "StreamName", "${stream}", {"stat": "Sum", "id": "arriving", "visible": false}]
      ],
      "yAxis": {"left": {"label": "per second", "min": 0, "showUnits": false}}
    } },
    { "type": "metric", "x": 16, "y": 2, "width": 8, "height": 6, "properties": {
      "title": "Quarantined share",
      "view": "timeSeries",
      "region": "${region}",
      "period": 300,
      "stacked": false,
      "metrics": [
        [{"expression": "IF(quarantined + scored > 0, 100 * quarantined / (quarantined + scored), 0)", "label": "% of the readings", "id": "share"}],
        ["PetroStream", "ReadingsQuarantined", "service", "${scoring}", {"stat": "Sum", "id": "quarantined", "visible": false}],
        ["PetroStream", "ReadingsScored", "service", "${scoring}", {"stat": "Sum", "id": "scored", "visible": false}]
      ],
      "yAxis": {"left": {"label": "%", "min": 0, "showUnits": false}},
      "annotations": {"horizontal": [{"label": "alarm", "value": ${threshold_quarantined_share}}]}
    } },
    { "type": "metric", "x": 0, "y": 8, "width": 8, "height": 6, "properties": {
      "title": "Quarantined, and sent again",
      "view": "timeSeries",
      "region": "${region}",
      "period": 300,
      "stacked": false,
      "metrics": [
        ["PetroStream", "ReadingsQuarantined", "service", "${scoring}", {"stat": "Sum", "label": "readings quarantined"}],
        ["PetroStream", "RecordsSkipped", "service", "${scoring}", {"stat": "Sum", "label": "stream records seen before, skipped"}],
        ["PetroStream", "FacilitiesFailed", "service", "${scoring}", {"stat": "Sum", "label": "facilities not committed, tried again"}]
      ],
      "yAxis": {"left": {"label": "count", "min": 0, "showUnits": false}}
    } },
    { "type": "metric", "x": 8, "y": 8, "width": 8, "height": 6, "properties": {
      "title": "Alarms of wells and anomalies, in 10 minutes",
      "view": "timeSeries",
      "region": "${region}",
      "period": 600,
      "stacked": false,
      "metrics": [
        ["PetroStream", "AlarmsAnnunciated", "service", "${scoring}", {"stat": "Sum", "label": "alarms annunciated"}],
        ["PetroStream", "Anomalies", "service", "${scoring}", {"stat": "Sum", "label": "readings flagged", "yAxis": "right"}]
      ],
      "yAxis": {"left": {"label": "alarms", "min": 0, "showUnits": false}}
    } },
    { "type": "metric", "x": 16, "y": 8, "width": 8, "height": 6, "properties": {
      "title": "Stream: refused, and bytes",
      "view": "timeSeries",
      "region": "${region}",
      "period": 60,
      "stacked": false,
      "metrics": [
        ["AWS/Kinesis", "WriteProvisionedThroughputExceeded", "StreamName", "${stream}", {"stat": "Sum", "label": "records refused"}],
        ["AWS/Kinesis", "IncomingBytes", "StreamName", "${stream}", {"stat": "Sum", "label": "bytes in", "yAxis": "right"}]
      ],
      "yAxis": {"left": {"label": "records", "min": 0, "showUnits": false}}
    } },
    { "type": "metric", "x": 0, "y": 14, "width": 8, "height": 6, "properties": {
      "title": "Functions: errors and throttles",
      "view": "timeSeries",
      "region": "${region}",
      "period": 60,
      "stacked": false,
      "metrics": [
        ["AWS/Lambda", "Errors", "FunctionName", "${scoring}", {"stat": "Sum", "label": "scoring errors"}],
        ["AWS/Lambda", "Throttles", "FunctionName", "${scoring}", {"stat": "Sum", "label": "scoring throttles"}],
        ["AWS/Lambda", "Errors", "FunctionName", "${transform}", {"stat": "Sum", "label": "transform errors"}],
        ["AWS/Lambda", "Throttles", "FunctionName", "${transform}", {"stat": "Sum", "label": "transform throttles"}]
      ],
      "yAxis": {"left": {"label": "invocations", "min": 0, "showUnits": false}}
    } },
    { "type": "metric", "x": 8, "y": 14, "width": 8, "height": 6, "properties": {
      "title": "Functions: duration",
      "view": "timeSeries",
      "region": "${region}",
      "period": 60,
      "stacked": false,
      "metrics": [
        ["AWS/Lambda", "Duration", "FunctionName", "${scoring}", {"stat": "p50", "label": "scoring, median"}],
        ["AWS/Lambda", "Duration", "FunctionName", "${scoring}", {"stat": "Maximum", "label": "scoring, longest"}],
        ["AWS/Lambda", "Duration", "FunctionName", "${transform}", {"stat": "Maximum", "label": "transform, longest"}]
      ],
      "yAxis": {"left": {"label": "ms", "min": 0, "showUnits": false}}
    } },
    { "type": "metric", "x": 16, "y": 14, "width": 8, "height": 6, "properties": {
      "title": "Live table: throttles and latency",
      "view": "timeSeries",
      "region": "${region}",
      "period": 60,
      "stacked": false,
      "metrics": [
        ["AWS/DynamoDB", "WriteThrottleEvents", "TableName", "${live_table}", {"stat": "Sum", "label": "writes throttled"}],
        ["AWS/DynamoDB", "ReadThrottleEvents", "TableName", "${live_table}", {"stat": "Sum", "label": "reads throttled"}],
        ["AWS/DynamoDB", "SuccessfulRequestLatency", "TableName", "${live_table}", "Operation", "PutItem", {"stat": "p99", "label": "PutItem, p99 ms", "yAxis": "right"}]
      ],
      "yAxis": {"left": {"label": "events", "min": 0, "showUnits": false}}
    } },
    { "type": "metric", "x": 0, "y": 20, "width": 8, "height": 6, "properties": {
      "title": "Firehose: age of the oldest undelivered data",
      "view": "timeSeries",
      "region": "${region}",
      "period": 60,
      "stacked": false,
      "metrics": [
        ["AWS/Firehose", "DeliveryToS3.DataFreshness", "DeliveryStreamName", "${raw}", {"stat": "Maximum", "label": "raw"}],
        ["AWS/Firehose", "DeliveryToS3.DataFreshness", "DeliveryStreamName", "${delivery}", {"stat": "Maximum", "label": "scored"}],
        ["AWS/Firehose", "DeliveryToS3.DataFreshness", "DeliveryStreamName", "${facility}", {"stat": "Maximum", "label": "wells and tanks"}],
        ["AWS/Firehose", "DeliveryToS3.DataFreshness", "DeliveryStreamName", "${alarms}", {"stat": "Maximum", "label": "alarms of wells"}],
        ["AWS/Firehose", "DeliveryToS3.DataFreshness", "DeliveryStreamName", "${quarantine}", {"stat": "Maximum", "label": "quarantine"}]
      ],
      "yAxis": {"left": {"label": "s", "min": 0, "showUnits": false}},
      "annotations": {"horizontal": [{"label": "alarm, raw", "value": ${threshold_raw_late}}, {"label": "alarm, scored", "value": ${threshold_delivery_late}}]}
    } },
    { "type": "metric", "x": 8, "y": 20, "width": 8, "height": 6, "properties": {
      "title": "Firehose: not converted, not placed",
      "view": "timeSeries",
      "region": "${region}",
      "period": 300,
      "stacked": false,
      "metrics": [
        ["AWS/Firehose", "FailedConversion.Records", "DeliveryStreamName", "${delivery}", {"stat": "Sum", "label": "rows not converted"}],
        ["PetroStream", "BlocksFailed", "service", "${transform}", {"stat": "Sum", "label": "blocks not placed"}]
      ],
      "yAxis": {"left": {"label": "count", "min": 0, "showUnits": false}}
    } },
    { "type": "metric", "x": 16, "y": 20, "width": 8, "height": 6, "properties": {
      "title": "Batches given up on",
      "view": "timeSeries",
      "region": "${region}",
      "period": 300,
      "stacked": false,
      "metrics": [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${failure_queue}", {"stat": "Maximum", "label": "messages waiting"}],
        ["PetroStream", "ModelsRejected", "service", "${scoring}", {"stat": "Sum", "label": "models rejected"}]
      ],
      "yAxis": {"left": {"label": "count", "min": 0, "showUnits": false}}
    } },
    { "type": "metric", "x": 0, "y": 26, "width": 8, "height": 6, "properties": {
      "title": "Estimated charges of the account, this month",
      "view": "timeSeries",
      "region": "us-east-1",
      "period": 21600,
      "stacked": false,
      "metrics": [
        ["AWS/Billing", "EstimatedCharges", "Currency", "USD", {"stat": "Maximum", "label": "USD"}]
      ],
      "yAxis": {"left": {"label": "USD", "min": 0, "showUnits": false}}
    } },
    { "type": "metric", "x": 8, "y": 26, "width": 8, "height": 6, "properties": {
      "title": "Athena: bytes scanned",
      "view": "timeSeries",
      "region": "${region}",
      "period": 300,
      "stacked": false,
      "metrics": [
        ["AWS/Athena", "ProcessedBytes", "WorkGroup", "${workgroup}", {"stat": "Sum", "label": "bytes scanned"}]
      ],
      "yAxis": {"left": {"label": "bytes", "min": 0, "showUnits": false}}
    } },
    { "type": "metric", "x": 16, "y": 26, "width": 8, "height": 6, "properties": {
      "title": "Wells and tanks: paired, late, duplicates",
      "view": "timeSeries",
      "region": "${region}",
      "period": 300,
      "stacked": false,
      "metrics": [
        ["PetroStream", "TankReadings", "service", "${scoring}", {"stat": "Sum", "label": "tank readings"}],
        ["PetroStream", "ReadingsMatched", "service", "${scoring}", {"stat": "Sum", "label": "well readings with a tank reading"}],
        ["PetroStream", "ReadingsUnmatched", "service", "${scoring}", {"stat": "Sum", "label": "without"}],
        ["PetroStream", "ReadingsLate", "service", "${scoring}", {"stat": "Sum", "label": "late"}],
        ["PetroStream", "DuplicatesDropped", "service", "${scoring}", {"stat": "Sum", "label": "duplicates dropped"}]
      ],
      "yAxis": {"left": {"label": "readings", "min": 0, "showUnits": false}}
    } },
    { "type": "metric", "x": 8, "y": 32, "width": 8, "height": 6, "properties": {
      "title": "Nightly run",
      "view": "timeSeries",
      "region": "${region}",
      "period": 3600,
      "stacked": false,
      "metrics": [
        ["AWS/States", "ExecutionsFailed", "StateMachineArn", "arn:${partition}:states:${region}:${account}:stateMachine:${nightly}", {"stat": "Sum", "label": "runs failed"}],
        ["AWS/States", "ExecutionsSucceeded", "StateMachineArn", "arn:${partition}:states:${region}:${account}:stateMachine:${nightly}", {"stat": "Sum", "label": "runs succeeded"}],
        ["AWS/Scheduler", "TargetErrorCount", "ScheduleGroup", "${schedule_group}", {"stat": "Sum", "label": "starts refused"}],
        ["AWS/Lambda", "Duration", "FunctionName", "${batch}", {"stat": "Maximum", "label": "longest job, ms", "yAxis": "right"}]
      ],
      "yAxis": {"left": {"label": "count", "min": 0, "showUnits": false}}
    } },
    { "type": "alarm", "x": 0, "y": 32, "width": 8, "height": 6, "properties": {
      "title": "Alarms",
      "alarms": ${alarm_arns}
    } }
  ]
}
