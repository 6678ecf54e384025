/** Where rounds are told besides their events: Prometheus, TensorBoard, MLflow. */
@NullMarked
package dev.podium.training.track;

import org.jspecify.annotations.NullMarked;
