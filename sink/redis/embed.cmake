# Writes FILE's bytes as a C array NAME into OUT: cmake -DFILE= -DNAME= -DOUT= -P embed.cmake
file(READ "${FILE}" bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
get_filename_component(source "${FILE}" NAME)
file(WRITE "${OUT}" "/* ${source}, byte for byte */\nstatic const char ${NAME}[] = {\n${bytes}0x00};\n")
