"""Convert model.keras into the ONNX file that score_onnx reads. Arguments: model folder, output."""

import sys

import keras
import tensorflow as tf
import tf2onnx

model = keras.models.load_model(f"{sys.argv[1]}/model.keras", compile=False)
signature = [tf.TensorSpec((None, *model.input.shape[1:]), tf.float32, name="image")]
function = tf.function(lambda image: model(image, training=False), input_signature=signature)
tf2onnx.convert.from_function(function, signature, output_path=sys.argv[2])
