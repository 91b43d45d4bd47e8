-- Which readings did the detector flag?
SELECT * FROM well_data WHERE anomaly_flag = 1
