-- What is the mean pressure (Pa, at the tubing's pressure transducer) of each well?
SELECT well_id, AVG(pressure) FROM well_data GROUP BY well_id
